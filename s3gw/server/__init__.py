"""One server process: composition, supervision, listening, and running HTTP.

`start` is `s3gw serve`; `supervisor` forks a `child` per worker and one for maintenance; `compose`
builds what each of them needs, and `front_ends` and `app` put the answering side together.
"""
