//! TCP, TLS and HTTP connections with limits and clear sentences.
