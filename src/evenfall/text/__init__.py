"""Every sentence a person reads, in one place, so that one vocabulary is used on every screen."""
