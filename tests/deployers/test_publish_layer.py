"""`infra/publish-layer` in three regions, one of which fails."""

import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import aws

ROOT = pathlib.Path(__file__).resolve().parents[2]
REGIONS = ("eu-west-1", "us-east-1", "ap-northeast-1")
SICK = "us-east-1"
FOREVER = 10**9


class PublishLayer(unittest.TestCase):
    def setUp(self):
        self.aws = self.enterContext(aws.running())
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.table = self.folder / "LAYERS.md"

    def publish(self, *more, status=0, regions=REGIONS):
        arguments = ["--dist", ROOT / "infra/fixtures/dist", "--table", self.table, "--pause", "0.01", *more]
        arguments += ["--regions", ",".join(regions)] if regions else []
        result = subprocess.run(
            [sys.executable, ROOT / "infra/publish-layer", *map(str, arguments)],
            env=self.aws.environment(),
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.assertEqual(result.returncode, status, result.stderr)
        return result.stderr

    def versions(self, region):
        client = self.aws.client("lambda", region)
        return {
            layer["LayerName"]: [
                version["LayerVersionArn"]
                for version in client.list_layer_versions(LayerName=layer["LayerName"])["LayerVersions"]
            ]
            for layer in client.list_layers()["Layers"]
        }

    def test_publishes_both_layers_everywhere_to_the_public(self):
        self.publish("--version", "1.2.3", "--public")
        table = self.table.read_text()
        for region in REGIONS:
            versions = self.versions(region)
            self.assertEqual(sorted(versions), ["telemetry-forwarder-arm64", "telemetry-forwarder-x86_64"])
            for name, (arn,) in versions.items():
                self.assertIn(f"`{arn}`", table)
                client = self.aws.client("lambda", region)
                version = client.get_layer_version(LayerName=name, VersionNumber=1)
                self.assertEqual(version["CompatibleArchitectures"], [name.removeprefix("telemetry-forwarder-")])
                self.assertIn("1.2.3", version["Description"])
                policy = json.loads(client.get_layer_version_policy(LayerName=name, VersionNumber=1)["Policy"])
                (statement,) = policy["Statement"]
                self.assertEqual((statement["Principal"], statement["Action"]), ("*", "lambda:GetLayerVersion"))
                self.assertNotIn("Condition", statement)

    def test_an_organization_is_named_in_the_permission(self):
        self.publish("--organization", "o-a1b2c3d4e5", regions=["eu-west-1"])
        client = self.aws.client("lambda")
        policy = client.get_layer_version_policy(LayerName="telemetry-forwarder-arm64", VersionNumber=1)["Policy"]
        self.assertIn("o-a1b2c3d4e5", policy)

    def test_a_sick_region_is_reported_and_a_second_run_completes(self):
        self.aws.sick[SICK] = FOREVER
        said = self.publish("--public", status=1)
        self.assertIn(f"error: {SICK}: ", said)
        self.assertIn("2 of 3 regions are complete, 4 layer versions are new", said)
        self.assertGreaterEqual(self.aws.requests[SICK], 4, "it was tried again")
        self.assertNotIn(SICK, self.table.read_text())
        before = {region: self.versions(region) for region in REGIONS if region != SICK}

        self.aws.sick[SICK] = 0
        said = self.publish("--public")
        self.assertIn("3 of 3 regions are complete, 2 layer versions are new", said)
        self.assertEqual({region: self.versions(region) for region in before}, before, "nothing twice")
        self.assertEqual(self.table.read_text().count("`arn:"), 6)

        text = self.table.read_text()
        self.assertIn("0 layer versions are new", self.publish("--public"))
        self.assertEqual(self.table.read_text(), text)

    def test_a_region_that_recovers_is_waited_for(self):
        # More than the SDK's own three attempts at one call.
        self.aws.sick[SICK] = 7
        said = self.publish()
        self.assertIn(f"{SICK}: attempt 2 of 4 failed, trying again", said)
        self.assertIn("3 of 3 regions are complete", said)

    def test_a_newer_version_stands_above_and_leaves_the_older_one(self):
        self.publish("--version", "1.0.0", regions=["eu-west-1"])
        older = self.table.read_text()
        self.publish("--version", "1.1.0", regions=["eu-west-1"])
        table = self.table.read_text()
        self.assertLess(table.index("## 1.1.0"), table.index("## 1.0.0"))
        self.assertEqual(table[table.index("## 1.0.0") :], older[older.index("## 1.0.0") :])

    def test_a_dry_run_publishes_nothing(self):
        said = self.publish("--dry-run", "--public")
        self.assertEqual(said.count("would publish"), 6)
        self.assertFalse(self.table.exists())
        self.assertEqual([self.versions(region) for region in REGIONS], [{}, {}, {}])

    def test_what_aws_signer_returns_is_published(self):
        signing = ["--signing-profile", "ours", "--signing-bucket", "signing-{region}", "--architectures", "arm64"]
        s3 = self.aws.client("s3")
        s3.create_bucket(Bucket="signing-eu-west-1", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        said = self.publish(*signing, regions=["eu-west-1"], status=1)
        self.assertIn("has no versioning, which AWS Signer needs", said)
        s3.put_bucket_versioning(Bucket="signing-eu-west-1", VersioningConfiguration={"Status": "Enabled"})
        self.publish(*signing, regions=["eu-west-1"])
        self.assertEqual(self.aws.profiles, {"ours"})
        layer = self.aws.client("lambda").get_layer_version(LayerName="telemetry-forwarder-arm64", VersionNumber=1)
        zip = ROOT / "infra/fixtures/dist/telemetry-forwarder-arm64.zip"
        self.assertEqual(layer["Content"]["CodeSize"], zip.stat().st_size + len(b"signed"))
        self.assertIn("0 layer versions are new", self.publish(*signing, regions=["eu-west-1"]))

    def test_without_a_list_it_takes_the_regions_of_the_partition(self):
        said = self.publish("--dry-run", "--architectures", "arm64", regions=())
        self.assertIn("eu-west-1: would publish", said)
        self.assertIn("us-east-1: would publish", said)
        self.assertNotIn("cn-north-1", said)

    def test_what_is_wrong_is_refused_before_anything_is_published(self):
        self.assertIn("no architecture is called riscv", self.publish("--architectures", "riscv", status=2))
        self.assertIn("belong together", self.publish("--signing-profile", "ours", status=2))
        self.assertIn("no organization's id", self.publish("--organization", "ours", status=2))
        self.assertIn("LAYER_REQUIRE=x86_64 make layer", self.publish("--dist", self.folder, status=2))
        self.assertEqual(sum(self.aws.requests.values()), 0)


if __name__ == "__main__":
    unittest.main()
