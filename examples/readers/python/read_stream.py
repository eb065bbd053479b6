#!/usr/bin/env python3
"""Reads a stream of the telemetry forwarder once, from its oldest record to its tip, and proves that nothing is missing.

    read_stream.py STREAM [--endpoint URL]

Prints each event once, as one line of JSON, whatever the sink's format and compression. The proof goes to standard error, a
line for each forwarder; the exit code is 1 if lines are missing that nothing announces. Needs boto3, and for zstd Python
3.14 or the package zstandard. Copy it: decode(), Joiner and Proof do not know of Kinesis.
"""

import argparse
import gzip
import hashlib
import json
import sys

import boto3


def decode(data):
    """The lines of a record: its first bytes tell what it is."""
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    elif data[:4] == b"\x28\xb5\x2f\xfd":
        data = unzstd(data)
    elif data[:4] == b"\xf3\x89\x9a\xc2":
        body, digest = data[4:-16], data[-16:]
        if hashlib.md5(body).digest() != digest:
            raise ValueError("an aggregate whose digest is another")
        records = (record for tag, record in fields(body) if tag == 3)
        data = b"".join(text.rstrip(b"\n") + b"\n" for record in records for tag, text in fields(record) if tag == 3)
    return [line for line in data.decode().split("\n") if line]


def unzstd(data):
    try:
        from compression import zstd
    except ImportError:
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return zstd.decompress(data)


def fields(message):
    """Number and bytes of each field of a protobuf message; numbers are passed over."""

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value

    at = 0
    while at < len(message):
        key = varint()
        if key & 7 == 2:
            length = varint()
            yield key >> 3, message[at : at + length]
            at += length
        else:
            varint()


class Joiner:
    """Makes lines whole that were longer than a record may be."""

    def __init__(self):
        self.waiting = {}

    def take(self, event, line):
        """The line, if it is whole now, as it came, else None."""
        stamp = event.get("forwarder", {})
        part = stamp.get("part")
        if part is None:
            return line
        key = stamp["id"], stamp["sink"], part["first"]
        parts = self.waiting.setdefault(key, {})
        parts[part["index"]] = event
        if len(parts) < part["of"]:
            return None
        del self.waiting[key]
        whole = parts[0]
        record = whole.pop("record")
        del whole["forwarder"]["part"]
        record = "".join([record] + [parts[index]["record"] for index in range(1, part["of"])])
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))[:-1] + f',"record":{record}}}'


class Proof:
    """Counts each line once, and finds the numbers that are missing."""

    def __init__(self):
        self.owners = {}

    def take(self, event):
        """True for a line that did not come before."""
        stamp = event.get("forwarder")
        if stamp is None:
            return True
        begin = {"seen": set(), "announced": set(), "notices": set(), "end": None}
        owner, seq, record = self.owners.setdefault((stamp["id"], stamp["sink"]), begin), stamp["seq"], event.get("record")
        lines = owner["seen"]
        if event["type"] == "forwarder.dropped":
            for first, last in record["ranges"]:
                owner["announced"].update(range(first, last + 1))
            # An announcement for another process has the first number that it names: that line is lost, not seen.
            if record["ranges"][0][0] == seq:
                lines = owner["notices"]
        elif event["type"] == "forwarder.report" and record.get("final"):
            owner["end"] = record["nextSeq"]
        is_new = seq not in lines
        lines.add(seq)
        return is_new

    def verdicts(self):
        """For each forwarder and sink: complete, lost or unproven, with the count of its lines and of the missing ones."""
        for name, owner in sorted(self.owners.items()):
            known = owner["seen"] | owner["announced"]
            end = max(owner["end"] or 0, max(known, default=-1) + 1)
            missing = end - len(known)
            verdict = "lost" if missing else "unproven" if owner["end"] is None else "complete"
            yield name, verdict, len(owner["seen"]), len(owner["announced"] - owner["seen"]), missing


def records(client, stream):
    """The records that are in the stream now. Shards that were split or merged are among the list of shards."""
    shards = client.get_paginator("list_shards").paginate(StreamName=stream)
    for shard in (shard for page in shards for shard in page["Shards"]):
        iterator = client.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            answer = client.get_records(ShardIterator=iterator)
            yield from answer["Records"]
            behind = answer.get("MillisBehindLatest", 0)
            iterator = answer.get("NextShardIterator") if answer["Records"] or behind else None


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("stream")
    arguments.add_argument("--endpoint")
    arguments = arguments.parse_args()
    client = boto3.client("kinesis", endpoint_url=arguments.endpoint)
    joiner, proof = Joiner(), Proof()
    for record in records(client, arguments.stream):
        try:
            lines = decode(record["Data"])
        except Exception as error:
            print(f"record {record['SequenceNumber']}: {error}", file=sys.stderr)
            continue
        for line in lines:
            try:
                event = json.loads(line)
                if proof.take(event) and (whole := joiner.take(event, line)):
                    print(whole)
            except (ValueError, KeyError, TypeError) as error:
                print(f"record {record['SequenceNumber']}: no event: {error}", file=sys.stderr)
    lost = 0
    for (owner, sink), verdict, seen, dropped, missing in proof.verdicts():
        print(f"{owner} {sink}: {verdict}, {seen} lines, {dropped} announced as dropped, {missing} missing", file=sys.stderr)
        lost += missing
    sys.exit(1 if lost else 0)


if __name__ == "__main__":
    main()
