//! UC2F picture packets.
