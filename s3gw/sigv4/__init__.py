"""AWS request signing as pure functions: what was sent, what was signed, and whether they agree.

Nothing here reads a clock, a socket or a setting, and nothing is imported but the standard library.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
"""
