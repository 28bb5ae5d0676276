"""The side-by-side benchmark. See bench/README.md."""
