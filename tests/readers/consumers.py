"""Runs what stands in docs/CONSUMERS.md.

    consumers.py sql DOC FOLDER [MORE]   its statements, then those of the document MORE, over the objects in FOLDER; the
                                         rows of each query by its heading, as JSON
    consumers.py settings DOC            its JSON, checked by AWS's own API models
    consumers.py filter DOC              of the records on standard input, one a line, those that its filter lets pass
    consumers.py variables DOC HEADING   the variables of a sink, one a line

The SQL is Athena's. DuckDB runs it, in the translation of sqlglot. What DuckDB has no word for is CREATE EXTERNAL TABLE:
the table of that name and columns is made here, of the objects that the table's own properties find. FOLDER stands for
the bucket.
"""

import json
import pathlib
import re
import sys


def blocks(doc, language):
    """Each code block of a language, by the heading that it stands under."""
    found = {}
    heading = None
    for piece in re.finditer(r"^#+ (?P<heading>[^\n]+)$|^```(?P<language>\w*)\n(?P<code>.*?)^```$", pathlib.Path(doc).read_text(), re.M | re.S):
        if piece["heading"]:
            heading = piece["heading"]
        elif piece["language"] == language:
            assert heading not in found, f"two blocks under {heading}: which is which?"
            found[heading] = piece["code"]
    return found


BUCKET = "s3://my-archive/"


def sql(doc, folder, *more):
    import duckdb
    import sqlglot

    database = duckdb.connect()
    rows = {}
    statements = [item for each in (doc, *more) for item in blocks(each, "sql").items()]
    for heading, text in statements:
        statement = sqlglot.parse_one(text, read="athena")
        if statement.find(sqlglot.exp.ExternalProperty):
            external_table(database, statement, pathlib.Path(folder))
            continue
        result = database.execute(statement.sql("duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE))
        if isinstance(statement, sqlglot.exp.Query):
            names = [column[0] for column in result.description]
            rows[heading] = [dict(zip(names, row)) for row in result.fetchall()]
    json.dump(rows, sys.stdout, default=float)


def external_table(database, statement, folder):
    from sqlglot import exp

    properties = {p.name: p.args["value"].name for p in statement.find_all(exp.Property) if type(p) is exp.Property}
    columns = {c.name: c.kind.sql("duckdb") for c in statement.this.find_all(exp.ColumnDef)}
    partitions = [c.name for c in statement.find(exp.PartitionedByProperty).find_all(exp.ColumnDef)]
    location = statement.find(exp.LocationProperty).name
    # What stands in the place of the partition's name in an object's.
    template = properties["storage.location.template"]
    assert location.startswith(BUCKET) and template.startswith(location) and len(partitions) == 1, template
    pattern = re.escape(str(folder) + "/" + template.removeprefix(BUCKET)).replace(re.escape("${%s}" % partitions[0]), "(.+)")
    objects = f"{folder}/{location.removeprefix(BUCKET)}**/*.gz"
    delimiter = statement.find(exp.RowFormatDelimitedProperty).args["fields"].name
    database.execute(
        f"CREATE TABLE {statement.this.this.name} AS"
        f" SELECT * EXCLUDE filename, regexp_extract(filename, ?, 1) AS {partitions[0]}"
        " FROM read_csv(?, columns = ?, delim = ?, quote = '', escape = '', header = false, auto_detect = false,"
        " filename = true, max_line_size = 20000000)",
        [pattern, objects, columns, delimiter.encode().decode("unicode_escape")],
    )


def settings(doc):
    import botocore.session
    from botocore.validate import ParamValidator

    session = botocore.session.get_session()
    shapes = {
        "A Lambda function": ("lambda", "CreateEventSourceMapping", None),
        "Event source filters": ("lambda", "CreateEventSourceMapping", "FilterCriteria"),
        "Firehose, S3, Athena": ("firehose", "CreateDeliveryStream", "ExtendedS3DestinationConfiguration"),
        "Rows: a Glue table for Kinesis' own delivery": ("glue", "CreateTable", "TableInput"),
    }
    found = blocks(doc, "json")
    assert found.keys() == shapes.keys(), f"JSON that nobody checks: {found.keys() ^ shapes.keys()}"
    for heading, (service, operation, member) in shapes.items():
        shape = session.get_service_model(service).operation_model(operation).input_shape
        report = ParamValidator().validate(json.loads(found[heading]), shape.members[member] if member else shape)
        assert not report.has_errors(), f"{heading}: {report.generate_report()}"


def filter_records(doc):
    from moto.events.models import EventPattern

    criteria = json.loads(blocks(doc, "json")["Event source filters"])
    patterns = [EventPattern.load(each["Pattern"]) for each in criteria["Filters"]]
    for line in sys.stdin:
        if any(pattern.matches_event({"data": json.loads(line)}) for pattern in patterns):
            sys.stdout.write(line)


def variables(doc, heading):
    sys.stdout.write(blocks(doc, "")[heading])


what, *arguments = sys.argv[1:]
commands = {"sql": sql, "settings": settings, "filter": filter_records, "variables": variables}
if what in commands:
    commands[what](*arguments)
else:
    sys.exit(__doc__)
