"""Reads records with libraries that are not ours; writes the lines found to standard output.

    read.py kpl FILE...              aggregated records, by AWS's aws_kinesis_agg; FILE's name ends in its partition key
    read.py gzip FILE...             gzip members
    read.py streams ENDPOINT NAME... makes Firehose streams that write to S3, each to the bucket of its name
    read.py bucket ENDPOINT NAME     what Firehose wrote to S3, object after object, as it stands there
"""

import base64
import gzip
import pathlib
import sys


def kpl(files):
    from aws_kinesis_agg.deaggregator import deaggregate_records

    for file in map(pathlib.Path, files):
        key = file.suffix.removeprefix(".")
        data = file.read_bytes()
        record = {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": key,
            "sequenceNumber": "1",
            "approximateArrivalTimestamp": 0,
            "data": base64.b64encode(data).decode(),
        }
        found = deaggregate_records([{"kinesis": record}])
        if data.startswith(b"\xf3\x89\x9a\xc2"):
            # What it cannot read it hands on as it is: one record, the whole aggregate.
            assert len(found) > 1, f"{file}: not seen as an aggregate"
        for inner in found:
            assert inner["kinesis"]["partitionKey"] == key, f"{file}: another key inside"
            sys.stdout.buffer.write(base64.b64decode(inner["kinesis"]["data"]))


def gunzip(files):
    for file in files:
        sys.stdout.buffer.write(gzip.decompress(pathlib.Path(file).read_bytes()))


def client(service, endpoint):
    import boto3

    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="eu-west-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )


def streams(endpoint, *names):
    for name in names:
        place = {"LocationConstraint": "eu-west-1"}
        client("s3", endpoint).create_bucket(Bucket=name, CreateBucketConfiguration=place)
        client("firehose", endpoint).create_delivery_stream(
            DeliveryStreamName=name,
            ExtendedS3DestinationConfiguration={
                "RoleARN": "arn:aws:iam::123456789012:role/firehose",
                "BucketARN": f"arn:aws:s3:::{name}",
            },
        )


def bucket(endpoint, name):
    s3 = client("s3", endpoint)
    objects = s3.list_objects_v2(Bucket=name).get("Contents", [])
    for item in sorted(objects, key=lambda item: item["LastModified"]):
        sys.stdout.buffer.write(s3.get_object(Bucket=name, Key=item["Key"])["Body"].read())


what, *arguments = sys.argv[1:]
if what == "kpl":
    kpl(arguments)
elif what == "gzip":
    gunzip(arguments)
elif what == "streams":
    streams(*arguments)
elif what == "bucket":
    bucket(*arguments)
else:
    sys.exit(__doc__)
