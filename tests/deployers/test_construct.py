"""The CDK construct as a package: the page's apps in fresh folders, from the tarball and the wheel alone."""

import json
import os
import pathlib
import re
import shlex
import tarfile
import tempfile
import unittest

import fresh

PAGE = "docs/DEPLOY-CDK.md"
FIXTURES = fresh.ROOT / "infra/fixtures/dist"
MANIFEST = json.loads((fresh.ROOT / "infra/construct/package.json").read_text())


def app(language):
    """The app that the page shows: its first block in this language."""
    return re.search(rf"```{language}\n(.*?)```", (fresh.ROOT / PAGE).read_text(), re.DOTALL)[1]


class Construct(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.packages = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        environment = {**os.environ, "CONSTRUCT_TO": str(cls.packages)}
        fresh.run([fresh.ROOT / ".ci/construct", FIXTURES], fresh.ROOT, environment)

    def fresh_folder(self, pattern):
        folder = fresh.folder(self)
        (package,) = self.packages.glob(pattern)
        (folder / package.name).write_bytes(package.read_bytes())
        return folder

    def assert_attached(self, folder):
        """Both functions of the app have layer, variables and permission, as the page says."""
        resources = json.loads((folder / "cdk.out/shop.template.json").read_text())["Resources"]
        functions = {
            name: resource["Properties"]
            for name, resource in resources.items()
            if resource["Type"] == "AWS::Lambda::Function"
        }
        layers = [name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::LayerVersion"]
        self.assertEqual([name[:6] for name in sorted(functions)], ["Checko", "Search"])
        self.assertEqual(len(layers), 1)
        for name, properties in functions.items():
            self.assertEqual(properties["Layers"], [{"Ref": layers[0]}])
            variables = properties["Environment"]["Variables"]
            self.assertEqual(list(variables["FORWARDER_SINKS__KINESIS__STREAM"]), ["Ref"])
            self.assertEqual("FORWARDER_ROUTES" in variables, name.startswith("Search"))
            fresh.variables_are_right(self, {**variables, "FORWARDER_SINKS__KINESIS__STREAM": "telemetry"})
        allowed = [
            statement["Action"]
            for resource in resources.values()
            if resource["Type"] == "AWS::IAM::Policy"
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]
        ]
        self.assertEqual(allowed, fresh.permissions()["kinesis"]["stream"] * 2)

    def try_page(self, title, language, file, pattern):
        folder = self.fresh_folder(pattern)
        (folder / file).write_text(app(language))
        commands = fresh.commands(PAGE, title)
        for command in commands:
            fresh.run(command, folder, os.environ, shell=True)
        self.assert_attached(folder)

    def test_typescript_as_the_page_says(self):
        self.try_page("TypeScript", "ts", "app.ts", "*.tgz")

    def test_python_as_the_page_says(self):
        self.try_page("Python", "python", "app.py", "*.whl")

    def test_the_oldest_cdk_that_it_may_be_used_with_by_types_and_at_run_time(self):
        folder = self.fresh_folder("*.tgz")
        (folder / "app.ts").write_text(app("ts"))
        oldest = [f"{name}@{wanted.removeprefix('^')}" for name, wanted in MANIFEST["peerDependencies"].items()]
        tools = ["typescript@5.9.3", "tsx@4.23.15", "@types/node@22"]
        fresh.run(["npm", "install", "--no-audit", "--no-fund", *oldest, *tools], folder, os.environ)
        fresh.run("npm install --no-audit --no-fund ./*.tgz", folder, os.environ, shell=True)
        options = "--noEmit --strict --target es2022 --module node16 --types node"
        fresh.run(["npx", "tsc", *shlex.split(options), "app.ts"], folder, os.environ)
        fresh.run(["npx", "tsx", "app.ts"], folder, {**os.environ, "CDK_OUTDIR": str(folder / "cdk.out")})
        self.assert_attached(folder)
        installed = json.loads((folder / "node_modules/aws-cdk-lib/package.json").read_text())["version"]
        self.assertEqual(installed, MANIFEST["peerDependencies"]["aws-cdk-lib"].removeprefix("^"))

    def test_the_tarball_has_layers_documentation_and_every_language_and_no_copy_of_the_cdk(self):
        (package,) = self.packages.glob("*.tgz")
        with tarfile.open(package) as archive:
            names = archive.getnames()
            for arch in ("x86_64", "arm64"):
                zip_ = f"telemetry-forwarder-{arch}.zip"
                self.assertEqual(archive.extractfile(f"package/layers/{zip_}").read(), (FIXTURES / zip_).read_bytes())
            self.assertIn(b"TelemetryForwarder", archive.extractfile("package/API.md").read())
            targets = json.load(archive.extractfile("package/.jsii"))["targets"]
        self.assertLessEqual({"python", "java", "dotnet", "go"}, set(targets))
        self.assertIn("package/lib/routes/grammar.wasm", names)
        self.assertIn("package/node_modules/ajv/package.json", names)
        self.assertEqual([name for name in names if "/aws-cdk-lib/" in name or "/constructs/" in name], [])


if __name__ == "__main__":
    unittest.main()
