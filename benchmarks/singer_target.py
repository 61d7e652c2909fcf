"""A target on the Singer SDK for lines of JSON, in the tap's environment: FOLDER; messages come from stdin.

In its best setting: messages are read and rows written by msgspec, a batch at a time, and records are not checked a second time.
"""
# run as a script by another interpreter

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
from singer_sdk import BatchSink, Target
from singer_sdk import typing as th
from singer_sdk.contrib.msgspec import MsgSpecReader

ENCODER = msgspec.json.Encoder(decimal_format="number")


class Lines(BatchSink):
    """Appends the rows of a stream to a file."""

    max_size = 10_000
    validate_schema = False

    def process_batch(self, context: dict[str, Any]) -> None:
        """Write a batch."""
        with (Path(self.config["folder"]) / f"{self.stream_name}.jsonl").open("ab") as file:
            file.write(ENCODER.encode_lines(context["records"]))


class JsonTarget(Target):
    """The target."""

    name = "target-lines"
    default_sink_class = Lines
    message_reader_class = MsgSpecReader
    config_jsonschema = th.PropertiesList(th.Property("folder", th.StringType, required=True)).to_dict()


JsonTarget(config={"folder": sys.argv[1]}).listen()
