//! Parameters of a call, and the words with which bad ones are refused.
//! Source of the words: captured REST replies (pydantic's).

use serde_json::{Value, json};

use super::Refusal;

/// The parameters of a call, decoded.
pub(super) struct Query(Vec<(String, String)>);

/// Says that parameters are wrong, one entry each.
fn unprocessable(errors: &[Value]) -> Refusal {
    Refusal::Unprocessable(json!({
        "detail": "Parsing of Request failed. Please check your submission format.",
        "errors": errors,
    }))
}

fn error(kind: &str, place: &[&str], message: &str, input: &Value) -> Value {
    json!({"type": kind, "loc": place, "msg": message, "input": input})
}

impl Query {
    pub(super) fn parse(query: &str) -> Self {
        Self(
            url::form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    /// The last value given under `name`.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.text(name).ok_or_else(|| {
            let place = ["query", name];
            unprocessable(&[error("missing", &place, "Field required", &Value::Null)])
        })
    }

    /// `None` if it is not given.
    pub(super) fn float(&self, name: &str) -> Result<Option<f64>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Some(value)),
            _ => Err(unprocessable(&[error(
                "float_parsing",
                &["query", name],
                "Input should be a valid number, unable to parse string as a number",
                &text.into(),
            )])),
        }
    }

    /// `None` if it is not given.
    pub(super) fn int(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        text.trim().parse().map(Some).map_err(|_| {
            unprocessable(&[error(
                "int_parsing",
                &["query", name],
                "Input should be a valid integer, unable to parse string as an integer",
                &text.into(),
            )])
        })
    }

    /// A number that may be whole: kept so where it is.
    pub(super) fn number(&self, name: &str) -> Result<f64, Refusal> {
        let text = self.required(name)?;
        match text.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(unprocessable(&[
                error(
                    "int_parsing",
                    &["query", name, "int"],
                    "Input should be a valid integer, unable to parse string as an integer",
                    &text.into(),
                ),
                error(
                    "float_parsing",
                    &["query", name, "float"],
                    "Input should be a valid number, unable to parse string as a number",
                    &text.into(),
                ),
            ])),
        }
    }

    /// `None` if it is not given.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" => Ok(Some(true)),
            "false" | "0" | "off" | "no" => Ok(Some(false)),
            _ => Err(unprocessable(&[error(
                "bool_parsing",
                &["query", name],
                "Input should be a valid boolean, unable to interpret input",
                &text.into(),
            )])),
        }
    }

    /// A required value, read by one of the others.
    pub(super) fn given<T>(&self, name: &str, value: Option<T>) -> Result<T, Refusal> {
        match value {
            Some(value) => Ok(value),
            None => Err(self.required(name).err().unwrap_or(Refusal::Internal)),
        }
    }
}

/// The body of a call: a JSON object, null or nothing.
pub(super) fn body(bytes: &[u8]) -> Result<Value, Refusal> {
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    match serde_json::from_slice(bytes) {
        Ok(value @ (Value::Object(_) | Value::Null)) => Ok(value),
        Ok(other) => Err(unprocessable(&[error(
            "dict_type",
            &["body"],
            "Input should be a valid dictionary",
            &other,
        )])),
        Err(_) => Err(unprocessable(&[error(
            "json_invalid",
            &["body"],
            "JSON decode error",
            &json!({}),
        )])),
    }
}

/// A number as the servers answer it: whole ones without a point.
pub(super) fn plain(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        (value as i64).into()
    } else {
        value.into()
    }
}
