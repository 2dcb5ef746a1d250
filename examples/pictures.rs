//! Writes pictures for other programs to read, and beside each its values as they are:
//! `cargo run --example pictures FOLDER`, which `tests/interop/pictures.sh` does.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use ttyscope::imaging::Decoder;
use ttyscope::model::{
    Axis, Camera, Compression, Evidence, Frame, FrameEncoding, Instrument, Light, Motion, Origin,
    PictureFormat, SourceId, SourceInfo, Stamp, Unit,
};
use ttyscope::picture_file::{self, About};

/// Name, how it is sent, columns and rows, bits.
type Shot = (&'static str, FrameEncoding, (u32, u32), Option<u8>);

const SHOTS: [Shot; 7] = [
    ("grey8", FrameEncoding::Mono8, (37, 23), None),
    (
        "grey12",
        FrameEncoding::Mono16(Compression::None),
        (640, 481),
        Some(12),
    ),
    (
        "grey16",
        FrameEncoding::Mono16(Compression::Zstd),
        (2_048, 1_025),
        Some(16),
    ),
    (
        "one",
        FrameEncoding::Mono16(Compression::None),
        (1, 1),
        None,
    ),
    ("rgb", FrameEncoding::Rgb8, (641, 480), None),
    ("yuyv", FrameEncoding::Yuyv, (64, 49), None),
    (
        "large",
        FrameEncoding::Mono16(Compression::None),
        (5_472, 3_648),
        Some(12),
    ),
];

fn main() -> ExitCode {
    let Some(dir) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("name a folder");
        return ExitCode::from(2);
    };
    for shot in &SHOTS {
        if let Err(error) = write(&dir, shot) {
            eprintln!("{}: {error:#}", shot.0);
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn write(dir: &Path, (name, encoding, size, bit_depth): &Shot) -> anyhow::Result<()> {
    let frame = frame(*encoding, *size, *bit_depth)?;
    let about = about();
    let mut decoder = Decoder::default();
    for format in [PictureFormat::OmeTiff, PictureFormat::Png] {
        let path = dir.join(format!("{name}.{}", format.extension()));
        let into = BufWriter::new(File::create(path)?);
        picture_file::write(format, &frame, &about, &mut decoder, into)?;
    }
    let mut unshared = Vec::new();
    let raster = decoder.decode(&frame, true)?.unshared(&mut unshared);
    let (width_px, height_px) = raster.size();
    let layout = format!("{:?}", raster.layout());
    fs::write(dir.join(format!("{name}.raw")), raster.bytes())?;
    let about = format!(
        "{layout} {width_px} {height_px} {}\n",
        bit_depth.unwrap_or(0)
    );
    fs::write(dir.join(format!("{name}.txt")), about)?;
    Ok(())
}

fn frame(
    encoding: FrameEncoding,
    (width_px, height_px): (u32, u32),
    bit_depth: Option<u8>,
) -> anyhow::Result<Frame> {
    let bytes = encoding.body_bytes(width_px, height_px);
    let bytes = usize::try_from(bytes.context("a size that cannot be")?)?;
    // Every value is another one than its neighbours, in both bytes.
    let mask = bit_depth.map_or(u16::MAX, |bits| u16::MAX >> (16 - bits));
    let values =
        (0..bytes.div_ceil(2) as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u16);
    let mut body: Vec<u8> = values
        .flat_map(|value| (value & mask).to_le_bytes())
        .collect();
    body.truncate(bytes);
    if encoding == FrameEncoding::Mono16(Compression::Zstd) {
        body = zstd::bulk::compress(&body, 1)?;
    }
    Ok(Frame {
        detector: "Cam µ <1> & \"two\"".into(),
        number: Some(81_223),
        width_px: Some(width_px),
        height_px: Some(height_px),
        encoding,
        body: Bytes::from(body),
        pixel_size_um: Some(0.325),
        subsampling: 1,
        bit_depth,
        device_ns: None,
        lost_before: 0,
    })
}

fn about() -> About {
    let axis = |name: &str, position, unit| Axis {
        name: name.into(),
        unit,
        position: Some(position),
        target: None,
        limits: None,
        motion: Motion::Settled,
    };
    About {
        source: SourceInfo {
            id: SourceId(0),
            name: "scope".into(),
            address: "imswitch://lab:8001".into(),
            origin: Origin::Simulated,
            caution: None,
        },
        received: Stamp {
            mono_ns: 0,
            unix_ns: 1_795_183_402_123_456_789,
        },
        since_first: Some(Duration::from_millis(1_500)),
        instrument: Some(Arc::new(Instrument {
            axes: vec![
                axis("x", 1.5, Unit::Millimetre),
                axis("y", -2.25, Unit::Millimetre),
                axis("z", 40.5, Unit::Micrometre),
                axis("Rot 显", 90.0, Unit::Degree),
            ],
            lights: vec![Light {
                name: "488".into(),
                label: "laser".into(),
                level: Some(5.0),
                unit: Unit::Percent,
                range: None,
                on: Some(true),
                evidence: Evidence::Read,
            }],
            cameras: vec![Camera {
                name: "camera".into(),
                exposure_ms: Some(20.0),
                exposure_range_ms: None,
                gain: Some(3.0),
                gain_range: None,
                streaming: Some(true),
                controls: Vec::new(),
            }],
            ..Instrument::default()
        })),
    }
}
