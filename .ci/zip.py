"""zip.py ZIP FILE NAME: a zip with one executable file in it, whose bits depend on that file alone."""

import sys
import zipfile

# The first moment that a zip can tell.
BEGIN_OF_TIME = (1980, 1, 1, 0, 0, 0)

UNIX = 3
REGULAR_FILE_0755 = 0o100755 << 16


def main(target, source, name):
    entry = zipfile.ZipInfo(name, BEGIN_OF_TIME)
    entry.create_system = UNIX
    entry.external_attr = REGULAR_FILE_0755
    entry.compress_type = zipfile.ZIP_DEFLATED
    with open(source, "rb") as file, zipfile.ZipFile(target, "w") as archive:
        archive.writestr(entry, file.read(), compresslevel=9)


main(*sys.argv[1:])
