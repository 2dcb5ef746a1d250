//! Floor 2: the recorder thread, which alone writes to disk.
