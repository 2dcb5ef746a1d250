//! What a recorder does by its configuration and its command line together, and what of it can be
//! changed while it runs.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use crate::config::{Retention, SourceSpec};
use crate::pipeline::Rotation;

/// What a recorder was told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// What goes into the log.
    pub filter: String,
    /// How much of the recordings is kept.
    pub retention: Retention,
    /// When it goes on in another file without being told.
    pub rotation: Rotation,
    /// Where figures are to be had.
    pub metrics: Option<SocketAddr>,
    /// What it records; the simulators if there are none.
    pub sources: Vec<SourceSpec>,
    /// What cannot be changed while it runs, by its name in the configuration, with something that
    /// differs when it does.
    pub fixed: BTreeMap<&'static str, String>,
}

/// What has to be done so that other settings are in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// Another filter for the log.
    pub filter: Option<String>,
    /// More or less is kept.
    pub retention: Option<Retention>,
    /// It goes on in another file at other times.
    pub rotation: Option<Rotation>,
    /// Figures are somewhere else, or nowhere.
    pub metrics: Option<Option<SocketAddr>>,
    /// What is not done before a restart, as words.
    pub restart: Vec<String>,
}

impl Changes {
    /// What leads from `old` to `new`.
    pub fn between(old: &Settings, new: &Settings) -> Self {
        Self {
            filter: changed(&old.filter, &new.filter),
            retention: changed(&old.retention, &new.retention),
            rotation: changed(&old.rotation, &new.rotation),
            metrics: changed(&old.metrics, &new.metrics),
            restart: restart(old, new),
        }
    }

    /// Whether nothing is different.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is in force from now on. The rest stays as it was, and is said again next time.
    pub fn apply(&self, settings: &mut Settings) {
        let Self {
            filter,
            retention,
            rotation,
            metrics,
            restart: _,
        } = self.clone();
        settings.filter = filter.unwrap_or_else(|| settings.filter.clone());
        settings.retention = retention.unwrap_or(settings.retention);
        settings.rotation = rotation.unwrap_or(settings.rotation);
        settings.metrics = metrics.unwrap_or(settings.metrics);
    }
}

fn changed<T: Clone + PartialEq>(old: &T, new: &T) -> Option<T> {
    (old != new).then(|| new.clone())
}

fn restart(old: &Settings, new: &Settings) -> Vec<String> {
    let by_name = |sources: &[SourceSpec], name: &str| {
        let mut sources = sources.iter();
        sources.find(|source| source.name == name).cloned()
    };
    let mut words = Vec::new();
    for source in &new.sources {
        match by_name(&old.sources, &source.name) {
            None => words.push(format!("source {} is new", source.name)),
            Some(before) if before != *source => {
                words.push(format!("source {} is another", source.name));
            }
            Some(_) => {}
        }
    }
    for source in &old.sources {
        if by_name(&new.sources, &source.name).is_none() {
            words.push(format!("source {} is gone", source.name));
        }
    }
    for (name, value) in &new.fixed {
        if old.fixed.get(name) != Some(value) {
            words.push((*name).to_owned());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(sources: &[&str]) -> Settings {
        Settings {
            filter: "info".into(),
            sources: sources
                .iter()
                .map(|url| SourceSpec::parse(url).unwrap())
                .collect(),
            fixed: BTreeMap::from([("[record] dir", "/data".to_owned())]),
            ..Settings::default()
        }
    }

    #[test]
    fn what_is_safe_is_changed_and_the_rest_waits_for_a_restart() {
        let old = settings(&["a=imswitch://one", "b=imswitch://two", "c=imswitch://three"]);
        assert!(Changes::between(&old, &old).is_empty());
        let mut new = settings(&[
            "a=imswitch://one",
            "b=imswitch://elsewhere",
            "d=imswitch://x",
        ]);
        new.filter = "debug".into();
        new.retention.total_bytes = Some(1);
        new.rotation.size_bytes = Some(2);
        new.metrics = Some(([127, 0, 0, 1], 9464).into());
        new.fixed.insert("[record] dir", "/other".to_owned());
        let changes = Changes::between(&old, &new);
        let expected = Changes {
            filter: Some("debug".into()),
            retention: Some(new.retention),
            rotation: Some(new.rotation),
            metrics: Some(new.metrics),
            restart: vec![
                "source b is another".into(),
                "source d is new".into(),
                "source c is gone".into(),
                "[record] dir".into(),
            ],
        };
        assert_eq!(changes, expected);

        let mut now = old.clone();
        changes.apply(&mut now);
        let again = Changes::between(&now, &new);
        assert_eq!(
            again,
            Changes {
                restart: expected.restart,
                ..Changes::default()
            }
        );
        // And taken back.
        let back = Changes::between(&now, &old);
        assert_eq!(back.metrics, Some(None));
        assert_eq!(back.restart, Vec::<String>::new());
    }
}
