//! Measures frames in files, so that another program can compare the numbers with its own.
//!
//! Reads jobs from standard input, one JSON object a line: `files` (frames of one camera, in
//! order), `encoding` (`mono8`, `mono16`, `rgb8`, `jpeg`), `width` and `height`, and if wanted
//! `roi` (`[x, y, width, height]`) and `bits`. Answers with a line each: the numbers of the last
//! file. The values that were measured are written beside it, 16 bits little-endian, as `.luma`.

use std::io::BufRead;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};
use ttyscope::imaging::{Decoder, Gauge, Measurer, Measures, Raster, Roi};
use ttyscope::model::{Compression, Frame, FrameEncoding};

#[derive(Debug, Deserialize)]
struct Job {
    files: Vec<String>,
    encoding: String,
    width: Option<u32>,
    height: Option<u32>,
    roi: Option<[u32; 4]>,
    bits: Option<u8>,
}

fn main() -> anyhow::Result<()> {
    for line in std::io::stdin().lock().lines() {
        let job: Job = serde_json::from_str(&line?)?;
        println!("{}", run(&job)?);
    }
    Ok(())
}

fn run(job: &Job) -> anyhow::Result<Value> {
    let (mut decoder, mut gauge) = (Decoder::default(), Gauge::new());
    let mut measurer = Measurer::new();
    let mut last = None;
    let roi = job.roi.map(|[x, y, width, height]| Roi {
        x,
        y,
        width,
        height,
    });
    for file in &job.files {
        let frame = frame(job, file)?;
        let raster = decoder.decode(&frame, false)?;
        let measures = measurer.measure(&mut gauge, &raster, roi, frame.bit_depth);
        write_values(file, &raster, measures.roi)?;
        last = Some(measures);
    }
    Ok(numbers(&last.context("there is no file")?))
}

fn frame(job: &Job, file: &str) -> anyhow::Result<Frame> {
    let encoding = match job.encoding.as_str() {
        "mono8" => FrameEncoding::Mono8,
        "mono16" => FrameEncoding::Mono16(Compression::None),
        "rgb8" => FrameEncoding::Rgb8,
        "jpeg" => FrameEncoding::Jpeg,
        other => bail!("there is no encoding \"{other}\""),
    };
    Ok(Frame {
        detector: "camera".into(),
        number: None,
        width_px: job.width,
        height_px: job.height,
        encoding,
        body: Bytes::from(std::fs::read(file).with_context(|| file.to_owned())?),
        pixel_size_um: None,
        subsampling: 1,
        bit_depth: job.bits,
        device_ns: None,
        lost_before: 0,
    })
}

fn write_values(file: &str, raster: &Raster<'_>, roi: Roi) -> anyhow::Result<()> {
    let (mut row, mut bytes) = (Vec::new(), Vec::new());
    for y in 0..roi.height {
        raster.luma_row(roi.y + y, roi, &mut row);
        bytes.extend(row.iter().flat_map(|value| value.to_le_bytes()));
    }
    Ok(std::fs::write(format!("{file}.luma"), bytes)?)
}

fn numbers(measures: &Measures) -> Value {
    let focus = measures.focus.as_ref();
    let drift = measures.drift.as_ref();
    json!({
        "roi": [measures.roi.x, measures.roi.y, measures.roi.width, measures.roi.height],
        "full_scale": measures.full_scale,
        "min": measures.min,
        "max": measures.max,
        "mean": measures.mean,
        "std_dev": measures.std_dev,
        "p1": measures.p1,
        "p50": measures.p50,
        "p99": measures.p99,
        "p99.8": measures.p99_8,
        "saturated": measures.saturated,
        "black": measures.black,
        "histogram": {
            "from": measures.histogram.from,
            "bin": measures.histogram.bin_counts,
            "counts": measures.histogram.counts(),
        },
        "laplacian_variance": focus.map(|focus| focus.laplacian_variance),
        "tenengrad": focus.map(|focus| focus.tenengrad),
        "normalised_variance": focus.map(|focus| focus.normalised_variance),
        "noise": measures.noise,
        "drift": drift.map(|drift| [drift.x_px, drift.y_px, drift.quality]),
        "spots": measures.spots.count,
        "threshold": measures.spots.threshold,
    })
}
