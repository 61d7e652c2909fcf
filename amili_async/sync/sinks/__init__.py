"""Where rows go: files, databases, a callable."""
