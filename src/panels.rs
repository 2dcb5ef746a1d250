//! Floor 2: what is true on each part of the screen; `draw.rs` beside it says how it looks.
