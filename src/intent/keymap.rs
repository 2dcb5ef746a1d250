//! Which keys do what: the table's defaults with the operator's changes.

/// Which keys do what.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keymap {}
