//! What of a source's cameras is measured, as it is written: `measure = false`, `roi = { … }`.

use std::collections::BTreeMap;

use crate::model::text::printable;

/// What is measured of the cameras of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measuring {
    /// Whether anything is.
    pub is_on: bool,
    /// Of which part, by the camera's name: first column and row, columns and rows, in pixels of
    /// the frame. All of it where none is written.
    pub roi: BTreeMap<String, [u32; 4]>,
}

impl Default for Measuring {
    fn default() -> Self {
        Self {
            is_on: true,
            roi: BTreeMap::new(),
        }
    }
}

impl Measuring {
    /// Takes in an option of a URL: `measure=false`, `roi=CAMERA:X,Y,WIDTH,HEIGHT`. `Ok(false)` if
    /// it is none of these.
    pub(super) fn take_option(&mut self, key: &str, value: &str) -> Result<bool, String> {
        match key {
            "measure" => {
                self.is_on = value
                    .parse()
                    .map_err(|_| format!("measure={}: write true or false", printable(value)))?;
            }
            "roi" => {
                let wrong = || {
                    format!(
                        "roi={}: write roi=CAMERA:X,Y,WIDTH,HEIGHT in pixels, \
                         e.g. roi=Camera:512,512,256,256",
                        printable(value)
                    )
                };
                // A camera may have a colon in its name, four numbers have none.
                let (camera, numbers) = value.rsplit_once(':').ok_or_else(wrong)?;
                let numbers: Result<Vec<u32>, _> =
                    numbers.split(',').map(|n| n.trim().parse()).collect();
                self.add_roi(camera, &numbers.map_err(|_| wrong())?)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Adds the region of a camera; of several none would be the one that counts.
    pub(super) fn add_roi(&mut self, camera: &str, numbers: &[u32]) -> Result<(), String> {
        let name = printable(camera);
        if camera.trim().is_empty() || camera.chars().any(char::is_control) {
            return Err(format!("roi: \"{name}\" is no name of a camera"));
        }
        let &[x, y, width, height] = numbers else {
            return Err(format!(
                "roi of {name}: there are four numbers, not {}; write {name} = [X, Y, WIDTH, HEIGHT]",
                numbers.len()
            ));
        };
        if width == 0 || height == 0 {
            return Err(format!(
                "roi of {name}: a region of {width}x{height} pixels has nothing in it; \
                 both are at least 1"
            ));
        }
        let roi = [x, y, width, height];
        match self.roi.insert(camera.to_owned(), roi) {
            None => Ok(()),
            Some(_) => Err(format!("roi of {name} is there twice; leave one out")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_say_what_is_measured_or_what_is_wrong() {
        let cases: [(&str, &str, Result<bool, &str>); 9] = [
            ("measure", "false", Ok(true)),
            ("measure", "no", Err("true or false")),
            ("limit", "X:0..1", Ok(false)),
            ("roi", "a:b:1,2,3,4", Ok(true)),
            ("roi", "1,2,3,4", Err("CAMERA:X,Y,WIDTH,HEIGHT")),
            ("roi", "a:1,2,3", Err("four numbers, not 3")),
            ("roi", "a:1,2,-3,4", Err("CAMERA:X,Y,WIDTH,HEIGHT")),
            ("roi", "a:1,2,0,4", Err("0x4 pixels")),
            ("roi", ":1,2,3,4", Err("no name of a camera")),
        ];
        for (key, value, want) in cases {
            let got = Measuring::default().take_option(key, value);
            match (&got, want) {
                (Ok(got), Ok(want)) => assert_eq!(*got, want, "{key}={value}"),
                (Err(got), Err(want)) => assert!(got.contains(want), "{key}={value}: {got}"),
                _ => panic!("{key}={value}: {got:?}"),
            }
        }
    }

    #[test]
    fn a_camera_has_one_region() {
        let mut measuring = Measuring::default();
        assert!(measuring.is_on);
        assert_eq!(measuring.add_roi("a", &[1, 2, 3, 4]), Ok(()));
        assert!(measuring.add_roi("a", &[1, 2, 3, 4]).is_err());
        assert_eq!(measuring.roi["a"], [1, 2, 3, 4]);
    }
}
