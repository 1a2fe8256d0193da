"""A patrol against an earlier one of the same reach: what is new, still there, grown, gone, or
cannot be told."""
