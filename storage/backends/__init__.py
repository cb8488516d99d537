"""The places that hold objects, one module each; none knows another."""
