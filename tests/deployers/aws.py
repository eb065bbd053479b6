"""AWS on one machine for the tests of this folder: moto, behind a proxy in which regions can be made to fail."""

import collections
import contextlib
import http.client
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

# A cold start of moto on a busy machine.
PATIENCE = 60.0
LISTENS = re.compile(r"Running on http://127\.0\.0\.1:(?P<port>[1-9]\d*)")
SCOPE = re.compile(r"Credential=[^/]+/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/")


class Aws:
    """Where it listens, which regions are sick, and what was asked."""

    def __init__(self, moto):
        self.moto = moto
        # How many requests each region still answers with a failure.
        self.sick = collections.Counter()
        self.requests = collections.Counter()
        self.lock = threading.Lock()
        # Jobs of AWS Signer: what they made, who was asked about, and by which profiles.
        self.signed, self.asked, self.profiles = {}, set(), set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                outer.forward(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = forward

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def forward(self, handler):
        scope = SCOPE.search(handler.headers.get("Authorization", ""))
        region = scope["region"] if scope else None
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        with self.lock:
            self.requests[region] += 1
            fails = self.sick[region] > 0
            self.sick[region] -= fails
        if not fails and scope and scope["service"] == "signer":
            status, headers, answer = (
                200,
                [("Content-Type", "application/json")],
                json.dumps(self.sign(handler, body)).encode(),
            )
        elif fails:
            status, headers, answer = 503, [("Content-Type", "application/json")], b'{"message":"this region is sick"}'
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.moto, timeout=PATIENCE)
            connection.request(handler.command, handler.path, body, dict(handler.headers))
            response = connection.getresponse()
            status, answer = response.status, response.read()
            headers = [
                (name, value)
                for name, value in response.getheaders()
                if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server")
            ]
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(answer)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(answer)

    def sign(self, handler, body):
        """As AWS Signer, which moto does not have: the signed object is the zip with something at its end."""
        if handler.command == "POST":
            order = json.loads(body)
            source, target = order["source"]["s3"], order["destination"]["s3"]
            s3 = self.client("s3")
            job = f"job-{len(self.signed) + 1}"
            content = s3.get_object(Bucket=source["bucketName"], Key=source["key"], VersionId=source["version"])[
                "Body"
            ].read()
            s3.put_object(Bucket=target["bucketName"], Key=target["prefix"] + job, Body=content + b"signed")
            self.signed[job] = {"bucketName": target["bucketName"], "key": target["prefix"] + job}
            self.profiles.add(order["profileName"])
            return {"jobId": job}
        job = handler.path.rsplit("/", 1)[-1]
        # The first answer comes before it is done.
        if job not in self.asked:
            self.asked.add(job)
            return {"jobId": job, "status": "InProgress"}
        return {"jobId": job, "status": "Succeeded", "signedObject": {"s3": self.signed[job]}}

    def environment(self, region="eu-west-1", **more):
        """What a tool needs to work here, and nothing of this machine's own AWS configuration."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return {
            **kept,
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            **more,
        }

    def client(self, service, region="eu-west-1"):
        import boto3

        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self.url, region_name=region, **keys)


@contextlib.contextmanager
def running():
    """Starts it; ends with the block."""
    with tempfile.NamedTemporaryFile() as said:
        # It chooses its port: one that was free a moment ago may be another test's by now.
        moto = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], stdout=subprocess.DEVNULL, stderr=said
        )
        try:
            aws = Aws(port_of(moto, said.name))
            yield aws
            aws.server.shutdown()
            aws.server.server_close()
        finally:
            moto.kill()
            moto.wait()


def port_of(moto, said):
    """The port that moto says it listens on."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with open(said) as log:
            text = log.read()
        found = LISTENS.search(text)
        if found:
            return int(found["port"])
        if moto.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"moto does not listen: {text}")
        time.sleep(0.05)
