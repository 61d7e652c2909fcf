"""A stream to Parquet, for tests that kill it: `python -m tests.spark.streaming SETTINGS`. It ends when it is up to date."""

from __future__ import annotations

import json
import sys

from pyspark.sql import SparkSession

from amili_async.spark import AmiliDataSource


def main(settings):
    """Run the stream."""
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.session.timeZone", "UTC")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    spark.dataSource.register(AmiliDataSource)
    reader = spark.readStream.format("amili")
    for name, text in settings["options"].items():
        reader = reader.option(name, text)
    query = (
        reader.load()
        .writeStream.format("parquet")
        .option("path", settings["target"])
        .option("checkpointLocation", settings["checkpoint"])
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    progress = [batch.numInputRows for batch in query.recentProgress if batch.numInputRows]
    sys.stdout.write(json.dumps(progress) + "\n")
    spark.stop()


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
