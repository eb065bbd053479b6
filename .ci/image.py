"""image.py VERSION TAR ZIP…: an OCI image of the layers' zips, one for each architecture, as a layout in a tar.

`FROM scratch`, with what a layer unpacks to below /opt: `COPY --from=IMAGE /opt/extensions/ /opt/extensions/`. Neither a daemon nor
a network is needed, and the same zips give the same bits.
"""

import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile
import zipfile

ARCHITECTURES = {"x86_64": "amd64", "arm64": "arm64"}
MEDIA = "application/vnd.oci.image."
# The first moment that a zip can tell, as in the layers.
CREATED, SECONDS = "1980-01-01T00:00:00Z", 315532800


class Layout:
    """Blobs by digest, and the files around them."""

    def __init__(self):
        self.files = {"oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode()}

    def add(self, kind, content, **more):
        digest = hashlib.sha256(content).hexdigest()
        self.files[f"blobs/sha256/{digest}"] = content
        return {"mediaType": MEDIA + kind, "digest": f"sha256:{digest}", "size": len(content), **more}

    def add_json(self, kind, document, **more):
        return self.add(kind, json.dumps(document, sort_keys=True).encode(), **more)

    def write(self, path):
        with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
            for name, content in sorted(self.files.items()):
                put(archive, name, content, 0o644)


def put(archive, name, content, mode):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode, entry.mtime = len(content), mode, SECONDS
    archive.addfile(entry, io.BytesIO(content))


def filesystem(path):
    """What the zip unpacks to below /opt, as a tar."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(path) as layer, tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        folders = set()
        for entry in layer.infolist():
            for folder in reversed(pathlib.PurePosixPath("opt", entry.filename).parents[:-1]):
                if folder not in folders:
                    folders.add(folder)
                    directory = tarfile.TarInfo(str(folder))
                    directory.type, directory.mode, directory.mtime = tarfile.DIRTYPE, 0o755, SECONDS
                    archive.addfile(directory)
            put(archive, f"opt/{entry.filename}", layer.read(entry), entry.external_attr >> 16 & 0o777)
    return buffer.getvalue()


def main(version, target, *zips):
    layout, manifests = Layout(), []
    for path in zips:
        architecture = ARCHITECTURES[pathlib.Path(path).stem.rpartition("-")[2]]
        tar = filesystem(path)
        layer = layout.add("layer.v1.tar+gzip", gzip.compress(tar, mtime=0))
        config = layout.add_json(
            "config.v1+json",
            {
                "created": CREATED,
                "architecture": architecture,
                "os": "linux",
                "config": {"Labels": {"org.opencontainers.image.version": version}},
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}"]},
                "history": [{"created": CREATED, "created_by": "telemetry-forwarder"}],
            },
        )
        manifest = {"schemaVersion": 2, "mediaType": MEDIA + "manifest.v1+json", "config": config, "layers": [layer]}
        platform = {"architecture": architecture, "os": "linux"}
        manifests.append(layout.add_json("manifest.v1+json", manifest, platform=platform))
    annotations = {
        "org.opencontainers.image.title": "telemetry-forwarder",
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.licenses": "MIT OR Apache-2.0",
    }
    index = {
        "schemaVersion": 2,
        "mediaType": MEDIA + "index.v1+json",
        "manifests": manifests,
        "annotations": annotations,
    }
    named = layout.add_json("index.v1+json", index, annotations={"org.opencontainers.image.ref.name": version})
    layout.files["index.json"] = json.dumps(
        {"schemaVersion": 2, "mediaType": MEDIA + "index.v1+json", "manifests": [named]}
    ).encode()
    layout.write(target)


main(*sys.argv[1:])
