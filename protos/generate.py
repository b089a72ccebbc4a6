"""Build the Python stubs and the descriptor set from `protos/`. Run by `make protos`; nothing it writes is committed.

    sdk/artifex/<noun>/v1/   typed message and service modules (import root: sdk/)
    sdk/buf/validate/        the validation rules' module, which the messages import
    build/api.binpb          the descriptor set with comments' sources, for Envoy's transcoder and for buf
    services/generator/adapters/kserve/inference_pb2*    the inference servers' protocol, beside its proto

The contract imports two protos that no package ships as text for buf to read: `google/api` comes from
googleapis-common-protos' files, `buf/validate` is printed anew from the descriptor inside the protovalidate wheel.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import sys
from pathlib import Path

import google.api
import grpc_tools
from google.protobuf import descriptor_pb2
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
THIRD_PARTY = ROOT / "build" / "third_party"
SDK = ROOT / "sdk"
# Protocols of others that we speak: not part of our API, so neither under its rules nor in its descriptor set.
FOREIGN = [ROOT / "services" / "generator" / "adapters" / "kserve" / "inference.proto"]
STAMP = ROOT / "build" / "protos.sha256"

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    _Field.TYPE_DOUBLE: "double",
    _Field.TYPE_FLOAT: "float",
    _Field.TYPE_INT64: "int64",
    _Field.TYPE_UINT64: "uint64",
    _Field.TYPE_INT32: "int32",
    _Field.TYPE_FIXED64: "fixed64",
    _Field.TYPE_FIXED32: "fixed32",
    _Field.TYPE_BOOL: "bool",
    _Field.TYPE_STRING: "string",
    _Field.TYPE_BYTES: "bytes",
    _Field.TYPE_UINT32: "uint32",
    _Field.TYPE_SFIXED32: "sfixed32",
    _Field.TYPE_SFIXED64: "sfixed64",
    _Field.TYPE_SINT32: "sint32",
    _Field.TYPE_SINT64: "sint64",
}


def _field(field: descriptor_pb2.FieldDescriptorProto, syntax: str) -> str:
    label = ""
    if field.label == _Field.LABEL_REPEATED:
        label = "repeated "
    elif field.proto3_optional or (syntax == "proto2" and not field.HasField("oneof_index")):
        label = "optional "
    kind = _SCALARS.get(field.type, field.type_name)
    return f"{label}{kind} {field.name} = {field.number};"


def _message(message: descriptor_pb2.DescriptorProto, syntax: str, indent: str) -> list[str]:
    inner = indent + "  "
    lines = [f"{indent}message {message.name} {{"]
    for nested in message.nested_type:
        lines += _message(nested, syntax, inner)
    for enum in message.enum_type:
        lines += _enum(enum, inner)
    groups: dict[int, list[descriptor_pb2.FieldDescriptorProto]] = {}
    for field in message.field:
        if field.HasField("oneof_index") and not field.proto3_optional:
            groups.setdefault(field.oneof_index, []).append(field)
        else:
            lines.append(inner + _field(field, syntax))
    for index, fields in groups.items():
        lines.append(f"{inner}oneof {message.oneof_decl[index].name} {{")
        lines += [f"{inner}  {_field(field, syntax)}" for field in fields]
        lines.append(inner + "}")
    lines += [
        f"{inner}extensions {r.start} to {'max' if r.end > 1 << 28 else r.end - 1};" for r in message.extension_range
    ]
    return [*lines, indent + "}"]


def _enum(enum: descriptor_pb2.EnumDescriptorProto, indent: str) -> list[str]:
    return [f"{indent}enum {enum.name} {{", *[f"{indent}  {v.name} = {v.number};" for v in enum.value], indent + "}"]


def validate_proto() -> str:
    """The text of `buf/validate/validate.proto`, as the installed protovalidate understands it.

    Comments and the rules' own CEL texts are dropped: the runtime holds its own copy of those.
    """
    from protovalidate._gen.buf.validate import validate_pb  # the wheel's only copy; the version is pinned

    file = descriptor_pb2.FileDescriptorProto.FromString(validate_pb.desc().proto.to_binary())
    syntax = file.syntax or "proto2"
    lines = [f'syntax = "{syntax}";', f"package {file.package};"]
    lines += [f'import "{name}";' for name in file.dependency]
    for enum in file.enum_type:
        lines += _enum(enum, "")
    for message in file.message_type:
        lines += _message(message, syntax, "")
    for extension in file.extension:
        lines += [f"extend {extension.extendee} {{", f"  {_field(extension, syntax)}", "}"]
    return "\n".join(lines) + "\n"


def write_third_party() -> None:
    shutil.rmtree(THIRD_PARTY, ignore_errors=True)
    validate = THIRD_PARTY / "buf" / "validate" / "validate.proto"
    validate.parent.mkdir(parents=True)
    validate.write_text(validate_proto(), encoding="utf-8")
    api = THIRD_PARTY / "google" / "api"
    api.mkdir(parents=True)
    source = Path(next(iter(google.api.__path__)))
    for name in ("annotations.proto", "http.proto", "httpbody.proto"):
        shutil.copyfile(source / name, api / name)


def fingerprint(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for package in ("grpcio-tools", "mypy-protobuf", "protovalidate", "protobuf", "googleapis-common-protos"):
        digest.update(f"{package}=={importlib.metadata.version(package)}\n".encode())
    for path in [Path(__file__).resolve(), *files]:
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def main() -> int:
    files = sorted(PROTOS.rglob("*.proto"))
    wanted = fingerprint([*files, *FOREIGN])
    if STAMP.exists() and STAMP.read_text() == wanted:
        return 0
    write_third_party()
    for path in [*SDK.glob("artifex/*/v1"), SDK / "buf"]:
        shutil.rmtree(path, ignore_errors=True)
    well_known = Path(grpc_tools.__file__).parent / "_proto"
    arguments = [
        "protoc",
        f"-I{PROTOS}",
        f"-I{THIRD_PARTY}",
        f"-I{well_known}",
        f"--python_out={SDK}",
        f"--mypy_out={SDK}",
        f"--grpc_python_out={SDK}",
        f"--mypy_grpc_out={SDK}",
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={ROOT / 'build' / 'api.binpb'}",
        *map(str, files),
        str(THIRD_PARTY / "buf" / "validate" / "validate.proto"),
    ]
    outputs = [f"--{kind}_out={ROOT}" for kind in ("python", "mypy", "grpc_python", "mypy_grpc")]
    status = int(protoc.main(arguments)) or int(protoc.main(["protoc", f"-I{ROOT}", *outputs, *map(str, FOREIGN)]))
    if status == 0:
        STAMP.write_text(wanted)
    return status


if __name__ == "__main__":
    sys.exit(main())
