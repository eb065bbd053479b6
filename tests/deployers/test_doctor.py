"""`forwarderctl doctor` against moto: services that are not ours, with what is there and what is broken."""

import json
import os
import pathlib
import subprocess
import unittest

import aws

ROOT = pathlib.Path(__file__).resolve().parents[2]
FORWARDERCTL = pathlib.Path(os.environ.get("FORWARDERCTL_BIN", ROOT / "target/e2e/ci/forwarderctl"))
STREAM = {"FORWARDER_SINKS__KINESIS__STREAM": "telemetry"}
DOCUMENT = '[sinks.kinesis]\nstream = "telemetry"\n'


class Doctor(unittest.TestCase):
    def setUp(self):
        self.aws = self.enterContext(aws.running())
        self.kinesis = self.aws.client("kinesis")

    def ask(self, variables, code):
        result = subprocess.run(
            [FORWARDERCTL, "doctor", "--format", "json"],
            env={**self.aws.environment(), **variables},
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return json.loads(result.stdout)["checks"]

    def one(self, checks, name, status):
        (check,) = [check for check in checks if check["check"] == name]
        self.assertEqual(check["status"], status, check)
        return check

    def make_stream(self, **more):
        self.kinesis.create_stream(StreamName="telemetry", ShardCount=2, **more)
        self.kinesis.get_waiter("stream_exists").wait(StreamName="telemetry", WaiterConfig={"Delay": 1})

    def make_key(self):
        kms = self.aws.client("kms")
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        self.kinesis.start_stream_encryption(StreamName="telemetry", EncryptionType="KMS", KeyId=key)
        return kms, key

    def read(self):
        shards = self.kinesis.list_shards(StreamName="telemetry")["Shards"]
        iterators = [
            self.kinesis.get_shard_iterator(
                StreamName="telemetry", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            for shard in shards
        ]
        answers = [self.kinesis.get_records(ShardIterator=iterator)["Records"] for iterator in iterators]
        return [record["Data"] for records in answers for record in records]

    def test_a_stream_that_is_there_is_well_and_nothing_but_a_blank_line_is_written(self):
        self.make_stream()
        checks = self.ask(STREAM, 0)
        self.assertIn("ACTIVE", self.one(checks, "stream", "ok")["message"])
        self.assertIn("provisioned, 2 open shards", self.one(checks, "mode", "ok")["message"])
        # moto knows no dry runs, as Kinesis did before 2026.
        self.assertIn("knows no dry runs", self.one(checks, "put", "warn")["message"])
        self.assertEqual(self.read(), [b"\n"])

    def test_a_stream_that_is_not_there_is_named(self):
        checks = self.ask(STREAM, 1)
        self.assertIn("telemetry", self.one(checks, "stream", "fail")["text"])
        self.assertFalse([check for check in checks if check["check"] == "put"], "there is nothing to put to")

    def test_the_state_of_the_streams_key(self):
        self.make_stream()
        kms, key = self.make_key()
        self.one(self.ask(STREAM, 0), "key", "ok")
        kms.disable_key(KeyId=key)
        check = self.one(self.ask(STREAM, 1), "key", "fail")
        self.assertIn("Disabled", check["message"])
        self.assertIn(f"aws kms enable-key --key-id {key}", check["fix"])
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
        check = self.one(self.ask(STREAM, 1), "key", "fail")
        self.assertIn("PendingDeletion", check["message"])
        self.assertIn("cancel-key-deletion", check["fix"])

    def test_a_document_of_parameter_store(self):
        self.make_stream()
        variables = {**STREAM, "FORWARDER_CONFIG": "ssm:/telemetry/forwarder"}
        missing = self.one(self.ask(variables, 1), "document", "fail")
        self.assertIn("there is no ssm:/telemetry/forwarder", missing["fix"])
        ssm = self.aws.client("ssm")
        ssm.put_parameter(Name="/telemetry/forwarder", Type="SecureString", Value=DOCUMENT)
        checks = self.ask(variables, 0)
        self.assertIn("version 1", self.one(checks, "document", "ok")["message"])
        self.one(checks, "stream", "ok")
        ssm.put_parameter(Name="/telemetry/forwarder", Type="SecureString", Value="[sinks.kinesis]\nstrem = 1\n", Overwrite=True)
        wrong = [check for check in self.ask(variables, 2) if check["check"] == "document"]
        self.assertTrue(any("strem" in check["message"] for check in wrong), wrong)

    def test_a_document_of_s3(self):
        self.make_stream()
        s3 = self.aws.client("s3")
        variables = {**STREAM, "FORWARDER_CONFIG": "s3://configuration/forwarder.toml"}
        self.one(self.ask(variables, 1), "document", "fail")
        s3.create_bucket(Bucket="configuration", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.assertIn("there is no s3://", self.one(self.ask(variables, 1), "document", "fail")["fix"])
        tag = s3.put_object(Bucket="configuration", Key="forwarder.toml", Body=DOCUMENT.encode())["ETag"]
        self.assertIn(tag.strip('"'), self.one(self.ask(variables, 0), "document", "ok")["message"])

    def test_a_stream_of_firehose(self):
        variables = {"FORWARDER_SINKS__FIREHOSE__STREAM": "archive"}
        self.assertIn("archive", self.one(self.ask(variables, 1), "stream", "fail")["text"])
        s3 = self.aws.client("s3")
        s3.create_bucket(Bucket="archive", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        firehose = self.aws.client("firehose")
        firehose.create_delivery_stream(
            DeliveryStreamName="archive",
            ExtendedS3DestinationConfiguration={
                "RoleARN": "arn:aws:iam::123456789012:role/archive",
                "BucketARN": "arn:aws:s3:::archive",
                # moto says nothing of what was left out; Firehose does.
                "CompressionFormat": "UNCOMPRESSED",
            },
        )
        checks = self.ask(variables, 0)
        self.assertIn("ACTIVE", self.one(checks, "stream", "ok")["message"])

    def test_a_region_that_is_sick_is_no_missing_stream(self):
        self.make_stream()
        self.aws.sick["eu-west-1"] = 10**9
        # It is not known how things are, so nothing fails.
        checks = self.ask(STREAM, 0)
        check = self.one(checks, "stream", "warn")
        self.assertEqual(check["message"], 'service_error: HTTP 503: {"message":"this region is sick"}')
        self.assertEqual(check["fix"], "try again: the service itself failed")


if __name__ == "__main__":
    unittest.main()
