"""One page of HTML for each run, complete in itself."""
