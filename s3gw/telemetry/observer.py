"""The observer of requests: metrics, access logs and the audit log."""

from __future__ import annotations

from s3gw.telemetry.access_log import AccessLog
from s3gw.telemetry.audit import Audit
from s3gw.telemetry.bucket_log_recorder import Recorder
from s3gw.telemetry.exchange import Exchange
from s3gw.telemetry.metrics import Metrics


class Observer:
    """Costs some microseconds a request."""

    def __init__(
        self, metrics: Metrics, access_log: AccessLog, recorder: Recorder, audit: Audit
    ) -> None:
        self._metrics = metrics
        self._access_log = access_log
        self._recorder = recorder
        self._audit = audit

    def record(self, exchange: Exchange) -> None:
        self._metrics.record(exchange)
        self._access_log.record(exchange)
        self._recorder.record(exchange)
        self._audit.observe(exchange)
