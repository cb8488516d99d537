"""Settings: declared, loaded, documented, and changed at run time.

    types         what a value may be, and every form that it has
    declaration   a setting as a dataclass field
    schema        `Config`, its sections and their settings
    catalog       all settings by key
    loading       defaults, file, variables and flags
    docs          docs/configuration.md; json_schema has the schema of the file
    runtime       what can change while the cluster runs; stored keeps it

What changes while the cluster runs is kept in the coordination store, under AIStore's names. It
applies to every process of the server, before the file, the variables and the flags, until reset.
"""
