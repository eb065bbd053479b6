"""aws_schema.py FOLDER: what Terraform's AWS provider takes, of the resources that infra/terraform uses, as aws_provider.json has it.

FOLDER is an unpacked npm package `@cdktn/provider-aws`, whose generated code says for each argument its type and whether it must be
given. For a newer provider: `npm pack @cdktn/provider-aws`, unpack it, and write this program's output to aws_provider.json.
"""

import json
import pathlib
import re
import sys

RESOURCES = (
    "kinesis_stream", "lambda_layer_version", "lambda_function", "cloudwatch_metric_alarm", "iam_role", "iam_role_policy",
)  # fmt: skip
ATTRIBUTE = re.compile(
    r'(?P<name>\w+): \{\s+value: (?P<value>[^\n]+),\s+isBlock: (?P<block>true|false),\s+type: "(?P<type>\w+)",\s+storageClassType: "(?P<storage>\w+)"'
)
TYPES = {
    "string": "string", "number": "number", "boolean": "bool", "stringList": ["list", "string"], "stringMap": ["map", "string"],
    "numberList": ["list", "number"],
}  # fmt: skip


def camel(name):
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def members(code, declarations, function, interface):
    """Arguments and blocks that a function for HCL writes, required as the interface says."""
    body = code[code.index(function) :]
    body = body[: body.index("// remove undefined attributes")]
    declared = declarations[declarations.index(f"export interface {interface} ") :]
    declared = declared[: declared.index("\n}")]
    attributes, blocks = {}, {}
    for match in ATTRIBUTE.finditer(body):
        name = match["name"]
        required = re.search(rf"readonly {camel(name)}: ", declared) is not None
        if match["block"] == "true":
            inner = re.search(r"(\w+)ToHclTerraform", match["value"])[1]
            kind = inner[0].upper() + inner[1:]
            nesting = {"list": "LIST", "set": "SET", "struct": "SINGLE"}[match["type"]]
            blocks[name] = {"nesting": nesting, **members(code, declarations, f"function {inner}ToHclTerraform", kind)}
            continue
        of_type = TYPES[match["storage"]]
        if match["type"] == "set":
            of_type = ["set", of_type[1]]
        attributes[name] = {"type": of_type, "required": required}
    return {"attributes": attributes, "blocks": blocks}


def resource(folder, name):
    file = folder / "lib" / name.replace("_", "-")
    code, declarations = (file / "index.js").read_text(), (file / "index.d.ts").read_text()
    kind = "".join(part.title() for part in name.split("_"))
    found = members(code, declarations, "synthesizeHclAttributes()", f"{kind}Config")
    own = code[code.index(f"class {kind} extends") :]
    for getter, form, attribute in re.findall(r"get (\w+)\(\) \{\s+return this\.get(\w+)Attribute\('(\w+)'\)", own):
        of_type = {"String": "string", "Number": "number", "List": ["list", "string"]}.get(form)
        if attribute not in found["attributes"] and of_type:
            found["attributes"][attribute] = {"type": of_type, "computed": True}
    # The provider fills them in where they are not given.
    for name in ("id", "arn", "region", "tags_all"):
        if name in found["attributes"]:
            found["attributes"][name]["computed"] = True
    return found


folder = pathlib.Path(sys.argv[1])
version = re.search(r"providers/hashicorp/aws/([\d.]+)/", (folder / "lib/lambda-function/index.d.ts").read_text())[1]
json.dump(
    {"version": version, "resources": {f"aws_{name}": resource(folder, name) for name in RESOURCES}},
    sys.stdout,
    indent=1,
    sort_keys=True,
)
print()
