//! The path and query of every request of a client.

use url::form_urlencoded;

use super::options::ClientOptions;
use crate::protocol::engineio::Revision;

/// Where requests go on the server. The query may hold secrets: it is in no `Debug` and no error.
#[derive(Clone)]
pub(super) struct Address {
    path: String,
    revision: Revision,
    query: Vec<(String, String)>,
}

impl Address {
    pub(super) fn new(options: &ClientOptions) -> Self {
        let mut path = options.path.clone();
        if !path.starts_with('/') {
            path.insert(0, '/');
        }
        // Flask-SocketIO answers 404 without it, and a bare Node server nothing at all.
        if !path.ends_with('/') {
            path.push('/');
        }
        Self {
            path,
            revision: options.revision,
            query: options.query.clone(),
        }
    }

    /// The path, for people.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Path and query of a request; without `sid` it opens a session.
    pub(super) fn target(&self, transport: &str, sid: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("EIO", &self.revision.number().to_string())
            .append_pair("transport", transport);
        if let Some(sid) = sid {
            query.append_pair("sid", sid);
        }
        query.extend_pairs(&self.query);
        format!("{}?{}", self.path, query.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::net::Endpoint;

    #[test]
    fn the_path_has_both_slashes_and_the_query_is_escaped() {
        let mut options = ClientOptions::new(Endpoint::plain("h", 1));
        options.query = vec![("token".to_owned(), "a b&c".to_owned())];
        for (written, path) in [
            ("/socket.io/", "/socket.io/"),
            ("/socket.io", "/socket.io/"),
            ("feed/sio", "/feed/sio/"),
            ("", "/"),
        ] {
            options.path = written.to_owned();
            assert_eq!(
                Address::new(&options).target("polling", Some("x&y")),
                format!("{path}?EIO=4&transport=polling&sid=x%26y&token=a+b%26c")
            );
        }
    }
}
