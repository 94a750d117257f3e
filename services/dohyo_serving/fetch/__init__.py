"""From an address to an unpacked bento: `dohyo-fetch`, the init container of a version."""
