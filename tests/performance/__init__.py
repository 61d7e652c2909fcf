"""What must not depend on the machine: memory, the garbage collector, and how the benchmarks judge."""
