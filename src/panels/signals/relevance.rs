//! Which readings an operator wants to see first, told from their names alone, so that no row
//! moves when a value does.

/// A reading's place in the order of relevance; the smallest comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place<'a> {
    /// What an instrument is, behind all that it does.
    is_fact: bool,
    kind: Kind,
    path: &'a str,
    within: usize,
    label: &'a str,
}

/// What a reading is about, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Stage,
    Light,
    ShownCamera,
    Objective,
    Speed,
    OtherCamera,
    Server,
    Storage,
    Other,
}

/// The first of each kind, in this order.
const FIRST: [&str; 25] = [
    "X",
    "Y",
    "Z",
    "exposure",
    "gain",
    "exposure_mode",
    "mode",
    "temperature",
    "frame_rate",
    "streaming",
    "protocol",
    "binning",
    "blacklevel",
    "name",
    "magnification",
    "na",
    "pixel_size",
    "moving",
    "slot",
    "dialect",
    "version",
    "free_gb",
    "percent_used",
    "frames_emitted",
    "fps_emit",
];

/// What does not change while somebody works with the instrument.
const FACTS: [&str; 44] = [
    "active_data_path",
    "active_device_path",
    "active_path",
    "available_objective_magnifications",
    "available_objective_nas",
    "available_objective_pixel_sizes",
    "available_objectives",
    "available_objectives_names",
    "camera_pixel_size",
    "config_path",
    "croppable",
    "current_height",
    "current_width",
    "default_device_path",
    "detector_height",
    "detector_width",
    "exists",
    "fallback_path",
    "field_of_view",
    "filesystem",
    "for_acquisition",
    "for_focus_lock",
    "frame_start",
    "free",
    "has_motor",
    "image_height",
    "image_width",
    "is_default",
    "is_fallback",
    "is_internal",
    "is_mock",
    "is_rgb",
    "kind",
    "label",
    "model",
    "mount_paths",
    "mount_point",
    "path",
    "pixel_size_zyx",
    "sensor_height",
    "sensor_width",
    "supported_binnings",
    "total",
    "used",
];

impl<'a> Place<'a> {
    /// The place of a reading while the picture of `shown` is looked at.
    pub fn of(name: &'a str, shown: Option<&str>) -> Self {
        let (path, label) = name.rsplit_once('/').unwrap_or(("", name));
        let mut segments = name.split('/');
        let kind = match segments.next().unwrap_or_default() {
            "stage" if label == "speed" => Kind::Speed,
            "stage" => Kind::Stage,
            "light" => Kind::Light,
            "camera" => match (segments.next(), shown) {
                (Some(camera), Some(shown)) if is_of(camera, shown) => Kind::ShownCamera,
                _ => Kind::OtherCamera,
            },
            "objective" => Kind::Objective,
            "server" => Kind::Server,
            "storage" => Kind::Storage,
            _ => Kind::Other,
        };
        // A light has two values: a heading for each would take more room than they do.
        let (path, label) = match (kind, name.split_once('/')) {
            (Kind::Light, Some(parts)) => parts,
            _ => (path, label),
        };
        let is_free = matches!(kind, Kind::Stage | Kind::Light | Kind::Other);
        let rank = FIRST.iter().position(|known| *known == label);
        Self {
            is_fact: !is_free && FACTS.contains(&label),
            kind,
            path,
            within: rank.unwrap_or(FIRST.len()),
            label,
        }
    }

    /// The heading it stands under, and its name there.
    pub fn heading(&self) -> (String, &'a str) {
        match self.is_fact {
            true => (format!("{} · facts", self.path), self.label),
            false => (self.path.to_owned(), self.label),
        }
    }
}

/// Paths have `_` where a camera's own name has a slash.
fn is_of(segment: &str, camera: &str) -> bool {
    let own = camera.chars().map(|c| if c == '/' { '_' } else { c });
    segment.chars().eq(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_operator_looks_at_comes_first() {
        let wanted = [
            "stage/VirtualStage/X",
            "stage/VirtualStage/Y",
            "stage/VirtualStage/Z",
            "stage/VirtualStage/A",
            "light/488/enabled",
            "light/488/value",
            "light/LED/enabled",
            "camera/a_b/exposure",
            "camera/a_b/gain",
            "camera/a_b/exposure_mode",
            "camera/a_b/temperature",
            "camera/a_b/something new",
            "objective/name",
            "objective/slot",
            "stage/VirtualStage/X/speed",
            "camera/Another/exposure",
            "server/dialect",
            "server/a_b/fps_emit",
            "storage/storage_devices/0/usage/free_gb",
            "room",
            "homing/X",
            "camera/a_b/model",
            "camera/a_b/sensor_width",
            "objective/has_motor",
            "camera/Another/model",
            "storage/storage_devices/0/usage/total",
        ];
        let mut sorted = wanted;
        sorted.reverse();
        sorted.sort_by_key(|name| Place::of(name, Some("a/b")));
        assert_eq!(sorted, wanted);
    }

    #[test]
    fn headings_say_what_rows_have_in_common() {
        let cases = [
            ("stage/VirtualStage/X", ("stage/VirtualStage", "X")),
            ("light/488/value", ("light", "488/value")),
            ("camera/Cam/model", ("camera/Cam · facts", "model")),
            ("room", ("", "room")),
            ("", ("", "")),
        ];
        for (name, (heading, label)) in cases {
            let place = Place::of(name, Some("Cam"));
            assert_eq!(place.heading(), (heading.to_owned(), label), "{name}");
        }
    }
}
