"""Options of an HDFS backend from the environment, and from Hadoop's own files.

`AIS_HDFS_URL` has the URLs of namenodes or of HttpFS, with commas between; the path of the first is
the root. Without it they are in the files that Hadoop's tools read, in `HADOOP_CONF_DIR` or
`$HADOOP_HOME/etc/hadoop`: `fs.defaultFS` of `core-site.xml` names one namenode or a nameservice,
and `hdfs-site.xml` has the addresses of its namenodes by HTTP.
"""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree import ElementTree

from storage.backends.hdfs.options import HdfsOptions
from storage.backends.hdfs.redirects import check_datanodes

URL = "AIS_HDFS_URL"
DATANODES = "AIS_HDFS_DATANODES"
_FILES = ("core-site.xml", "hdfs-site.xml")
_HTTP_PORT, _HTTPS_PORT = 9870, 9871
_VARIABLE = re.compile(r"\$\{([^}$\s]+)\}")
_MOST_SUBSTITUTIONS = 20


def options_from_environment(environment: Mapping[str, str] = os.environ) -> HdfsOptions:
    """Raises `ValueError`, with the name of the variable or file, for what cannot be."""
    settings = _settings(environment)
    urls = _listed(environment.get(URL, ""))
    root = unquote(urlsplit(urls[0]).path).rstrip("/") if urls else ""
    kerberos = settings.get("hadoop.security.authentication", "simple") == "kerberos"
    datanodes = _listed(environment.get(DATANODES, ""))
    try:
        check_datanodes(datanodes)
    except ValueError as error:
        raise ValueError(f"{DATANODES}: {error}") from None
    namenodes = tuple(_without_path(url) for url in urls) or tuple(_namenodes(settings))
    try:
        return HdfsOptions(
            namenodes=namenodes,
            root=root,
            user="" if kerberos else environment.get("HADOOP_USER_NAME") or _login(),
            token_file=environment.get("HADOOP_TOKEN_FILE_LOCATION", ""),
            kerberos=kerberos,
            datanodes=datanodes,
        )
    except ValueError as error:
        raise ValueError(f"{URL if urls else 'HADOOP_CONF_DIR'}: {error}") from None


def _listed(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (each.strip() for each in text.split(","))))


def _without_path(url: str) -> str:
    """A wrong URL stays as it is, to be refused."""
    parts = urlsplit(url)
    return url if parts.query or parts.fragment else url.removesuffix(parts.path)


def _settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what Hadoop's files say, the later file over the earlier one."""
    folder = environment.get("HADOOP_CONF_DIR", "")
    if not folder and (home := environment.get("HADOOP_HOME", "")):
        folder = str(Path(home) / "etc" / "hadoop")
    found: dict[str, str] = {}
    if folder:
        for name in _FILES:
            found.update(_properties(Path(folder) / name))
    return {name: _substituted(value, found) for name, value in found.items()}


def _properties(file: Path) -> Iterator[tuple[str, str]]:
    try:
        root = ElementTree.parse(file).getroot()
    except FileNotFoundError:
        return
    except (OSError, ElementTree.ParseError):
        raise ValueError(f"{file} cannot be read as a configuration of Hadoop") from None
    for element in root.iterfind("property"):
        name = (element.findtext("name") or "").strip()
        if name:
            yield name, (element.findtext("value") or "").strip()


def _substituted(value: str, settings: Mapping[str, str]) -> str:
    """Replace `${name}` by the setting of that name; what is unknown stays."""
    for _ in range(_MOST_SUBSTITUTIONS):
        found = next((m for m in _VARIABLE.finditer(value) if m[1] in settings), None)
        if found is None:
            break
        value = value[: found.start()] + settings[found[1]] + value[found.end() :]
    return value


def _namenodes(settings: Mapping[str, str]) -> Iterator[str]:
    default = urlsplit(settings.get("fs.defaultFS", ""))
    if default.scheme in ("webhdfs", "swebhdfs") and default.netloc:
        yield f"{'https' if default.scheme == 'swebhdfs' else 'http'}://{default.netloc}"
        return
    if default.scheme != "hdfs" or not default.hostname:
        return
    is_https = settings.get("dfs.http.policy", "HTTP_ONLY") == "HTTPS_ONLY"
    scheme, port = ("https", _HTTPS_PORT) if is_https else ("http", _HTTP_PORT)
    key = f"dfs.namenode.{scheme}-address"
    service = default.netloc
    namenodes = _listed(settings.get(f"dfs.ha.namenodes.{service}", ""))
    if not namenodes:
        address = settings.get(key, "")
        host, _, own = address.rpartition(":")
        # A namenode that listens on all addresses is at the one of its RPC.
        if not host or host == "0.0.0.0":
            address = f"{default.hostname}:{own or port}"
        yield f"{scheme}://{address}"
    for each in namenodes:
        if own_address := settings.get(f"{key}.{service}.{each}"):
            yield f"{scheme}://{own_address}"
        elif rpc := settings.get(f"dfs.namenode.rpc-address.{service}.{each}"):
            yield f"{scheme}://{rpc.partition(':')[0]}:{port}"


def _login() -> str:
    """Return the name of the process' user, as Hadoop's tools take it."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return ""
