"""Makes the documentation site from the pages in docs/ and from the package: `make docs`."""
