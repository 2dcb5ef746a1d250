use std::fs;
use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::model::{Clock, FrameEncoding, LaneKind, Origin, SourceId, SourceInfo};
use crate::pipeline::{Pipeline, ScreenLanes};
use crate::recorder::RecordFile;

fn frame() -> Frame {
    Frame {
        detector: "../Cam 1".into(),
        number: Some(81_223),
        width_px: Some(2),
        height_px: Some(2),
        encoding: FrameEncoding::Mono8,
        body: Bytes::from_static(&[1, 2, 3, 4]),
        pixel_size_um: None,
        subsampling: 1,
        bit_depth: None,
        device_ns: None,
        lost_before: 0,
    }
}

fn about() -> About {
    About {
        source: SourceInfo {
            id: SourceId(0),
            name: "scope".into(),
            address: "".into(),
            origin: Origin::Live,
            caution: None,
        },
        received: Stamp {
            mono_ns: 0,
            unix_ns: 1_795_183_402_123_456_789,
        },
        since_first: None,
        instrument: None,
    }
}

fn folder(dir: &Path) -> Place {
    Place::Folder {
        dir: dir.to_owned(),
        name: "scope".to_owned(),
    }
}

fn saved(storage: &dyn Storage, place: &Place) -> Result<PathBuf, SaveError> {
    save(storage, &frame(), &about(), PictureFormat::Png, place)
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let mut names: Vec<_> = entries
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_picture_never_takes_the_place_of_another() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("snapshots");
    let stem = "scope-_.._Cam_1-2026-11-20T14-03-22.123Z-frame81223";
    for ending in ["", "-2", "-3"] {
        let path = saved(&Disk, &folder(&dir)).unwrap();
        assert_eq!(path, dir.join(format!("{stem}{ending}.png")));
    }
    // One that somebody was killed while writing.
    fs::write(dir.join(format!("{stem}-4.png.partial")), "half").unwrap();
    for ending in ["-4", "-5"] {
        let path = saved(&Disk, &folder(&dir)).unwrap();
        assert_eq!(path, dir.join(format!("{stem}{ending}.png")));
    }
    let half = fs::read(dir.join(format!("{stem}-4.png.partial"))).unwrap();
    assert_eq!(half, b"half");
    assert_eq!(names(&dir).len(), 6);
    assert_eq!(names(outer.path()), ["snapshots"]);
}

#[test]
fn a_named_file_is_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.png");
    let place = Place::File(path.clone());
    assert_eq!(saved(&Disk, &place).unwrap(), path);
    let before = fs::read(&path).unwrap();
    let error = saved(&Disk, &place).unwrap_err().to_string();
    assert!(
        error.ends_with("is there already, and nothing is written over"),
        "{error}"
    );
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(names(dir.path()), ["a.png"]);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_see_a_picture() {
    use std::os::unix::fs::PermissionsExt as _;
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("snapshots");
    let path = saved(&Disk, &folder(&dir)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&dir), mode(&path)), (0o700, 0o600));
}

#[test]
fn a_folder_that_cannot_be_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = saved(&Disk, &folder(&file.join("in"))).unwrap_err();
    assert!(matches!(error, SaveError::Disk { .. }), "{error}");
    assert!(error.to_string().contains("cannot be written: "), "{error}");
}

#[test]
fn a_frame_that_cannot_be_read_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let place = folder(&dir.path().join("snapshots"));
    let mut cut = frame();
    cut.body = Bytes::from_static(&[1, 2, 3]);
    let error = save(&Disk, &cut, &about(), PictureFormat::OmeTiff, &place).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the frame has 3 bytes of pixels where its size needs 4"
    );
    assert!(names(dir.path()).is_empty());
}

/// The file system, until something goes wrong.
struct BadDisk {
    /// Bytes that a file takes.
    room: usize,
    /// Whether finished files get their names.
    renames: bool,
}

struct BadFile {
    inner: Box<dyn RecordFile>,
    room: usize,
}

impl io::Write for BadFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.room);
        if taken == 0 {
            return Err(ErrorKind::StorageFull.into());
        }
        self.room -= taken;
        self.inner.write(&bytes[..taken])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl RecordFile for BadFile {
    fn sync(&mut self) -> io::Result<()> {
        self.inner.sync()
    }
}

impl Storage for BadDisk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        Disk.make_dir(dir)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn RecordFile>> {
        Ok(Box::new(BadFile {
            inner: Disk.create(path)?,
            room: self.room,
        }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        match self.renames {
            true => Disk.rename(from, to),
            false => Err(ErrorKind::ReadOnlyFilesystem.into()),
        }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Disk.remove(path)
    }

    fn exists(&self, path: &Path) -> bool {
        Disk.exists(path)
    }
}

#[test]
fn a_disk_that_fails_leaves_no_half_file() {
    let full = BadDisk {
        room: 50,
        renames: true,
    };
    let nameless = BadDisk {
        room: usize::MAX,
        renames: false,
    };
    for (disk, words) in [
        (full, "the disk is full; nothing was left of it"),
        (nameless, "cannot be written: "),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let error = saved(&disk, &folder(dir.path())).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        assert!(names(dir.path()).is_empty());
    }
}

#[tokio::test]
async fn a_saved_picture_is_told_to_everybody() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::manual(1);
    let lanes = Arc::new(ScreenLanes::new(clock.clone()));
    let pipeline = Pipeline::new(clock, 1, None, Some(Arc::clone(&lanes)));
    let mut saver = Saver::new(SnapshotPlan {
        dir: Some(dir.path().to_owned()),
        format: PictureFormat::Png,
    });
    let wanted = |format| Snapshot {
        frame: frame(),
        about: about(),
        format,
        name: Some("cells".to_owned()),
    };
    let told = || {
        let delivery = lanes.try_take().unwrap();
        assert_eq!(delivery.sample.payload.lane(), LaneKind::Samples);
        delivery.ticket.settle(crate::model::Fate::Shown);
        match delivery.sample.payload {
            Payload::Log(line) => line,
            other => panic!("{other:?}"),
        }
    };

    saver
        .save(wanted(None), pipeline.outlet(SourceId(0)))
        .unwrap();
    let path = saver.done().await.unwrap();
    assert!(
        path.ends_with("-frame81223.png") && path.contains("/cells-"),
        "{path}"
    );
    let line = told();
    assert_eq!(*line.text, *format!("picture saved as {path}"));
    assert_eq!(line.severity, Severity::Info);

    // What comes to nothing is told as well.
    let jpeg = wanted(Some(PictureFormat::Jpeg));
    saver.save(jpeg, pipeline.outlet(SourceId(0))).unwrap();
    let why = saver.done().await.unwrap_err();
    assert_eq!(
        why,
        "not saved: the camera sends mono8, not JPEG: save it as tiff or png"
    );
    assert_eq!(told().severity, Severity::Warning);

    // No more than can be written wait.
    for _ in 0..AT_A_TIME {
        let outlet = pipeline.outlet(SourceId(0));
        saver.save(wanted(None), outlet).unwrap();
    }
    let outlet = pipeline.outlet(SourceId(0));
    let error = saver.save(wanted(None), outlet).unwrap_err();
    assert!(error.contains("still on their way"), "{error}");
    saver.finish(Duration::from_secs(60)).await;
    assert_eq!(names(dir.path()).len(), 1 + AT_A_TIME);
}
