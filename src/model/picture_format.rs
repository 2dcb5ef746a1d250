//! The kinds of files that a picture can be saved as.

/// What a picture is written as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PictureFormat {
    /// OME-TIFF: the values as the camera has them, with everything that is known of them.
    #[default]
    OmeTiff,
    /// PNG: the same values, packed, with what is known as texts.
    Png,
    /// The camera's own JPEG file, byte for byte; only of a camera that sends JPEG.
    Jpeg,
}

impl PictureFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OmeTiff, Self::Png, Self::Jpeg];

    /// The word on the screen and in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OmeTiff => "tiff",
            Self::Png => "png",
            Self::Jpeg => "jpeg",
        }
    }

    /// The ending of such a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::OmeTiff => "ome.tiff",
            Self::Png => "png",
            Self::Jpeg => "jpg",
        }
    }

    /// The format of that word, also in its other spellings; capitals do not matter.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "tiff" | "tif" | "ome-tiff" | "ome.tiff" | "ome.tif" => Self::OmeTiff,
            "png" => Self::Png,
            "jpeg" | "jpg" => Self::Jpeg,
            _ => return None,
        })
    }

    /// The format that a file of this name has, by its ending.
    pub fn of_file(name: &str) -> Option<Self> {
        name.rsplit_once('.')
            .and_then(|(_, ending)| Self::from_name(ending))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_endings_are_understood_again() {
        for format in PictureFormat::ALL {
            assert_eq!(PictureFormat::from_name(format.as_str()), Some(format));
            let file = format!("a.b.{}", format.extension());
            assert_eq!(PictureFormat::of_file(&file), Some(format));
        }
        assert_eq!(
            PictureFormat::of_file("a.TIF"),
            Some(PictureFormat::OmeTiff)
        );
        assert_eq!(PictureFormat::of_file("a.bmp"), None);
        assert_eq!(PictureFormat::of_file("png"), None);
    }
}
