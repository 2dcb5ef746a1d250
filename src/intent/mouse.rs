//! What a mouse did, in cells of the terminal.

/// One report of a mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mouse {
    /// What it did.
    pub deed: MouseDeed,
    /// Column of the cell, counting from 0.
    pub col: u16,
    /// Row of the cell, counting from 0.
    pub row: u16,
    /// Shift was held.
    pub shift: bool,
    /// Alt was held.
    pub alt: bool,
    /// Control was held.
    pub ctrl: bool,
}

/// What a mouse did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MouseDeed {
    /// A button was pressed.
    Press(MouseButton),
    /// It moved with a button held.
    Drag(MouseButton),
    /// A button was let go.
    Release(MouseButton),
    /// It moved with no button held.
    Move,
    /// The wheel was turned away from the hand.
    WheelUp,
    /// The wheel was turned towards the hand.
    WheelDown,
}

/// A button of a mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MouseButton {
    /// The first.
    Left,
    /// The wheel.
    Middle,
    /// The other one.
    Right,
}
