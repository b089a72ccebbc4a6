"""A real S3 server: SeaweedFS with one bucket."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from libs.chassis.testing.process import Server, accepts, executable, free_port

_ACCESS_KEY: Final = "artifex-test"
_SECRET_KEY: Final = "artifex-test-secret"


class SeaweedServer(Server):
    """`async with SeaweedServer(folder) as s3:`; `s3.url` opens with `open_objects` under the variables of `s3.env`."""

    ready_timeout = 60.0

    def __init__(self, folder: Path, *, bucket: str = "artifex") -> None:
        super().__init__(folder)
        self.bucket = bucket
        self.port = free_port()
        self._ports = [free_port() for _ in range(7)]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.url = f"s3://{bucket}?endpoint={self.endpoint}&region=us-east-1"
        self.env = {"AWS_ACCESS_KEY_ID": _ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": _SECRET_KEY}

    def command(self) -> Sequence[str]:
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        identities = self.folder / "s3.json"
        credentials = [{"accessKey": _ACCESS_KEY, "secretKey": _SECRET_KEY}]
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        identity = {"name": "artifex", "credentials": credentials, "actions": actions}
        identities.write_text(json.dumps({"identities": [identity]}))
        master, master_grpc, volume, volume_grpc, filer, filer_grpc, s3_grpc = self._ports
        return [
            executable("weed"),
            "server",
            f"-dir={data}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-master.port={master}",
            f"-master.port.grpc={master_grpc}",
            f"-volume.port={volume}",
            f"-volume.port.grpc={volume_grpc}",
            "-filer",
            f"-filer.port={filer}",
            f"-filer.port.grpc={filer_grpc}",
            "-s3",
            f"-s3.port={self.port}",
            f"-s3.port.grpc={s3_grpc}",
            # These listen on fixed ports unless told not to, which two servers on one machine cannot share.
            "-s3.port.lance=0",
            "-s3.port.iceberg=0",
            f"-s3.config={identities}",
            "-volume.max=20",
            "-master.volumeSizeLimitMB=512",
            "-master.telemetry=false",
        ]

    def is_ready(self) -> bool:
        filer = self._ports[4]
        if not (accepts(self.port) and accepts(filer)):
            return False
        try:
            # A bucket is a folder of the filer; storing needs a volume, which comes up last.
            for request in (
                urllib.request.Request(f"http://127.0.0.1:{filer}/buckets/{self.bucket}/", method="POST"),
                urllib.request.Request(f"http://127.0.0.1:{filer}/ready", data=b"ready", method="PUT"),
            ):
                urllib.request.urlopen(request, timeout=5).close()
        except (urllib.error.URLError, OSError):
            return False
        return True

    def stop(self) -> None:
        # Its orderly end takes 25 s, and nothing here needs it.
        self.kill9()
