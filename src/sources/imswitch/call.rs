//! One call of the server's HTTP side, before it is written as a request.

use serde_json::Value;

/// A call: which, and with what.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    /// Controller and method, e.g. `LaserController/getLaserNames`.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    /// What is posted; without it the call is a GET.
    pub(super) body: Option<Value>,
}

impl Call {
    /// A GET.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            query: Vec::new(),
            body: None,
        }
    }

    /// A POST of a JSON object.
    pub(super) fn post(path: impl Into<String>, body: Value) -> Self {
        Self {
            body: Some(body),
            ..Self::get(path)
        }
    }

    /// The same with one more parameter in the query.
    pub(super) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Path and query below the server's prefix.
    pub(super) fn target(&self) -> String {
        if self.query.is_empty() {
            return self.path.clone();
        }
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&self.query)
            .finish();
        format!("{}?{query}", self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_outside_cannot_add_parameters() {
        let call = Call::get("A/b").with("name", "x&y=1 ü").with("dist", -0.5);
        assert_eq!(call.target(), "A/b?name=x%26y%3D1+%C3%BC&dist=-0.5");
        assert_eq!(Call::get("version").target(), "version");
    }
}
