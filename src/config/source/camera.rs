//! A camera of this machine as it is written: `camera:/dev/video0?format=yuyv&size=640x480`.

use std::collections::BTreeMap;
use std::fmt;

use url::form_urlencoded;

use super::super::measuring::Measuring;
use super::{SourceError, SourceKind, SourceSpec};

/// Which camera, and what its pictures shall be like; what is not written is chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Camera {
    /// Its number, a path to it, or a part of its name.
    pub device: String,
    /// Pixel format (`format`), one to four characters such as `YUYV`.
    pub format: Option<String>,
    /// Columns and rows (`size`).
    pub size: Option<(u32, u32)>,
    /// Pictures a second (`rate`).
    pub rate_hz: Option<f64>,
    /// Whether it is read through nokhwa also where there is something nearer (`backend`).
    pub through_nokhwa: bool,
    /// Micrometres that a pixel shows (`pixel_size_um`).
    pub pixel_size_um: Option<f64>,
}

/// The name of sources that have none.
pub(super) const SCHEME: &str = "camera";
/// More columns or rows than any camera has.
const MOST_SIDE: u32 = 65_535;
const OPTIONS: &str = "format, size, rate, backend, pixel_size_um, measure and roi";

/// The camera that `address` names; `None` if it is no camera.
pub(super) fn device_of(address: &str) -> Option<&str> {
    let (scheme, device) = address.split_once(':')?;
    (scheme == SCHEME).then_some(device)
}

/// A source from `camera:DEVICE[?OPTIONS]`.
pub(super) fn parse(name: Option<&str>, device: &str) -> Result<SourceSpec, SourceError> {
    let (device, query) = device.split_once('?').unwrap_or((device, ""));
    let fail = |problem: String| SourceError::Option {
        written: format!("{SCHEME}:{device}"),
        problem,
    };
    let (mut options, mut measuring) = (BTreeMap::new(), Measuring::default());
    for (key, value) in form_urlencoded::parse(query.as_bytes()).into_owned() {
        if measuring.take_option(&key, &value).map_err(&fail)? {
            continue;
        }
        if options.insert(key.clone(), value).is_some() {
            return Err(fail(format!("the option \"{key}\" is there twice")));
        }
    }
    let camera = camera(device, &mut options).map_err(&fail)?;
    if let Some(unknown) = options.keys().next() {
        return Err(fail(format!(
            "there is no option \"{unknown}\" for {SCHEME}:; there are {OPTIONS}"
        )));
    }
    Ok(SourceSpec {
        name: name.unwrap_or(SCHEME).to_owned(),
        kind: SourceKind::Camera(Box::new(camera)),
        endpoint: None,
        limits: BTreeMap::new(),
        measuring,
        is_simulated: false,
    })
}

fn camera(device: &str, options: &mut BTreeMap<String, String>) -> Result<Camera, String> {
    if device.is_empty() || device.contains('\0') {
        return Err(format!(
            "write {SCHEME}:0, {SCHEME}:/dev/video0 or {SCHEME}: and a part of its name; \
             `ttyscope cameras` lists them"
        ));
    }
    if device.starts_with("//") {
        return Err(format!(
            "a camera is attached to this machine and has no host: write {SCHEME}:/dev/video0"
        ));
    }
    let mut take = |key: &str| options.remove(key);
    let format = take("format").map(|written| {
        let fits =
            (1..=4).contains(&written.len()) && written.bytes().all(|b| b.is_ascii_graphic());
        match fits {
            true => Ok(written.to_ascii_uppercase()),
            false => Err(format!(
                "format is one to four characters such as YUYV, MJPG or Y16, not \"{written}\""
            )),
        }
    });
    let size = take("size").map(|written| {
        let sides = written.split_once(['x', 'X']);
        let side = |text: &str| text.parse().ok().filter(|n| (1..=MOST_SIDE).contains(n));
        let size = sides.and_then(|(width, height)| Some((side(width)?, side(height)?)));
        size.ok_or_else(|| format!("size is columns x rows such as 640x480, not \"{written}\""))
    });
    let rate_hz = take("rate").map(|written| {
        rate(&written)
            .filter(|rate| (0.001..=100_000.0).contains(rate))
            .ok_or_else(|| {
                format!("rate is pictures a second such as 12.5 or 30000/1001, not \"{written}\"")
            })
    });
    let through_nokhwa = match take("backend").as_deref() {
        None | Some("native") => false,
        Some("nokhwa") => true,
        Some(other) => return Err(format!("backend is native or nokhwa, not \"{other}\"")),
    };
    let pixel_size_um = take("pixel_size_um").map(|written| {
        let number = written.parse().ok();
        number
            .filter(|um: &f64| um.is_finite() && (1e-6..=1e6).contains(um))
            .ok_or_else(|| format!("pixel_size_um is micrometres such as 0.325, not \"{written}\""))
    });
    Ok(Camera {
        device: device.to_owned(),
        format: format.transpose()?,
        size: size.transpose()?,
        rate_hz: rate_hz.transpose()?,
        through_nokhwa,
        pixel_size_um: pixel_size_um.transpose()?,
    })
}

/// A number or a fraction.
fn rate(written: &str) -> Option<f64> {
    match written.split_once('/') {
        None => written.parse().ok(),
        Some((above, below)) => {
            let (above, below): (f64, f64) = (above.parse().ok()?, below.parse().ok()?);
            Some(above / below)
        }
    }
}

impl fmt::Display for Camera {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}:{}", self.device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(written: &str) -> (String, Camera) {
        let spec = SourceSpec::parse(written).unwrap();
        assert_eq!((&spec.endpoint, spec.is_unverified()), (&None, false));
        match spec.kind {
            SourceKind::Camera(camera) => (spec.name, *camera),
            other => panic!("no camera: {other:?}"),
        }
    }

    #[test]
    fn a_camera_is_a_number_a_path_or_a_name() {
        for (written, name, device) in [
            ("camera:0", "camera", "0"),
            ("camera:/dev/video0", "camera", "/dev/video0"),
            ("eye=camera:HD Pro Webcam", "eye", "HD Pro Webcam"),
            (
                "eye=camera:/dev/v4l/by-id/usb-a:b-index0",
                "eye",
                "/dev/v4l/by-id/usb-a:b-index0",
            ),
        ] {
            let expected = Camera {
                device: device.to_owned(),
                ..Camera::default()
            };
            assert_eq!(parsed(written), (name.to_owned(), expected), "{written}");
        }
        let shown = SourceSpec::parse("camera:/dev/video0?rate=5")
            .unwrap()
            .to_string();
        assert_eq!(shown, "camera:/dev/video0");
    }

    #[test]
    fn options_say_what_the_pictures_are_like() {
        let url = "camera:0?format=yuyv&size=640x480&rate=12.5&backend=nokhwa&pixel_size_um=0.325";
        let expected = Camera {
            device: "0".to_owned(),
            format: Some("YUYV".to_owned()),
            size: Some((640, 480)),
            rate_hz: Some(12.5),
            through_nokhwa: true,
            pixel_size_um: Some(0.325),
        };
        assert_eq!(parsed(url).1, expected);
        let (_, ntsc) = parsed("camera:0?rate=30000/1001");
        assert_eq!(ntsc.rate_hz, Some(30_000.0 / 1_001.0));
        let text = "[sources.eye]\nurl = \"camera:0\"\nformat = \"yuyv\"\nsize = \"640x480\"\n\
                    rate = 12.5\nbackend = \"nokhwa\"\npixel_size_um = 0.325\n\
                    [sources.slow]\nurl = \"camera:1\"\nrate = \"1/2\"\n";
        let file = crate::config::FileConfig::parse(text, "c.toml".as_ref()).unwrap();
        let kinds: Vec<&SourceKind> = file.sources.iter().map(|spec| &spec.kind).collect();
        assert_eq!(kinds[0], &SourceKind::Camera(Box::new(expected)));
        assert!(matches!(kinds[1], SourceKind::Camera(c) if c.rate_hz == Some(0.5)));
    }

    #[test]
    fn a_wrong_camera_is_told_what_to_write() {
        for (written, part) in [
            ("camera:", "write camera:0"),
            ("camera:?format=yuyv", "write camera:0"),
            (
                "camera://dev/video0",
                "has no host: write camera:/dev/video0",
            ),
            ("camera:0?format=", "one to four characters"),
            ("camera:0?format=MJPEG", "one to four characters"),
            ("camera:0?size=640", "columns x rows"),
            ("camera:0?size=0x0", "columns x rows"),
            ("camera:0?size=640x99999", "columns x rows"),
            ("camera:0?rate=0", "pictures a second"),
            ("camera:0?rate=NaN", "pictures a second"),
            ("camera:0?rate=1/0", "pictures a second"),
            ("camera:0?backend=opencv", "native or nokhwa"),
            ("camera:0?pixel_size_um=-1", "micrometres"),
            ("camera:0?rate=1&rate=2", "there twice"),
            ("camera:0?fps=5", "there are format, size, rate"),
            ("camera:0?limit=X:0..1", "no option \"limit\""),
        ] {
            let error = SourceSpec::parse(written).unwrap_err().to_string();
            assert!(error.contains(part), "{written}: {error}");
        }
    }

    #[test]
    fn the_file_gives_a_camera_nothing_that_it_has_not() {
        for (more, part) in [
            ("headers = { A = \"b\" }", "headers"),
            ("limits = { X = [0, 1] }", "a camera has no axes"),
            ("tls_verify = false", "no option \"tls_verify\" for camera:"),
        ] {
            let text = format!("[sources.eye]\nurl = \"camera:0\"\n{more}\n");
            let error = crate::config::FileConfig::parse(&text, "c.toml".as_ref()).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
