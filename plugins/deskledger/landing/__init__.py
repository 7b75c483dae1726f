"""Landing: raw pages as files, immutable and named by their content, and the manifest that says what they hold."""
