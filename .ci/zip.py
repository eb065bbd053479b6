"""zip.py ZIP FILE NAME [FILE NAME]…: a zip whose bits depend on what is in the files alone. The first file is a program."""

import sys
import zipfile

# The first moment that a zip can tell.
BEGIN_OF_TIME = (1980, 1, 1, 0, 0, 0)

UNIX = 3
PROGRAM = 0o100755 << 16
TEXT = 0o100644 << 16


def main(target, *files):
    with zipfile.ZipFile(target, "w") as archive:
        for source, name in zip(files[::2], files[1::2], strict=True):
            entry = zipfile.ZipInfo(name, BEGIN_OF_TIME)
            entry.create_system = UNIX
            entry.external_attr = TEXT if archive.filelist else PROGRAM
            entry.compress_type = zipfile.ZIP_DEFLATED
            with open(source, "rb") as file:
                archive.writestr(entry, file.read(), compresslevel=9)


main(*sys.argv[1:])
