//! The description in an OME-TIFF file.
//!
//! Source: the OME data model, schema 2016-06 (`ome.xsd`), whose order of elements is kept. The
//! text is ASCII, because the TIFF tag that holds it is; everything else stands in it as a
//! character reference.

use std::fmt::Write as _;
use std::time::Duration;

use super::details::{camera, details, moment, pixel_size_um, taken_ns, utc};
use super::ome_tiff::{Shape, Values};
use super::{About, SOFTWARE};
use crate::model::{Axis, Frame, Motion, Unit};

const SCHEMA: &str = "http://www.openmicroscopy.org/Schemas/OME/2016-06";
const NAMESPACE: &str = "ttyscope/frame";
/// Of what is known of each of several frames.
const PLANES: &str = "ttyscope/frames";

/// What the description says of one frame of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Plane {
    /// When it was taken, as far as anybody knows, Unix nanoseconds.
    pub taken_ns: u64,
    received_ns: u64,
    number: Option<u64>,
    lost_before: u64,
    since_first: Option<Duration>,
    exposure_ms: Option<f64>,
    /// Axis of the schema, where it stood, and the schema's unit.
    positions: Vec<(&'static str, f64, &'static str)>,
}

impl Plane {
    pub(super) fn new(taken_ns: u64, frame: &Frame, about: &About) -> Self {
        let axes = about.instrument.iter().flat_map(|known| &known.axes);
        let mut positions: Vec<_> = axes.filter_map(stage_position).collect();
        // An attribute stands there once, whatever an instrument calls its axes.
        positions.sort_by_key(|(axis, ..)| *axis);
        positions.dedup_by_key(|(axis, ..)| *axis);
        Self {
            taken_ns,
            received_ns: about.received.unix_ns,
            number: frame.number,
            lost_before: frame.lost_before,
            since_first: about.since_first,
            exposure_ms: camera(frame, about)
                .and_then(|camera| camera.exposure_ms)
                .filter(|ms| ms.is_finite()),
            positions,
        }
    }
}

/// The description of a file that holds these frames of one camera, of which `frame` is the first.
pub(super) fn describe(shape: Shape, frame: &Frame, about: &About, planes: &[Plane]) -> String {
    let mut xml = String::from(r#"<?xml version="1.0" encoding="UTF-8"?>"#);
    let (source, detector) = (escaped(&about.source.name), escaped(&frame.detector));
    // Writing to a `String` cannot fail.
    let _ = write!(
        xml,
        "<OME xmlns=\"{SCHEMA}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xsi:schemaLocation=\"{SCHEMA} {SCHEMA}/ome.xsd\" Creator=\"{SOFTWARE}\">\
         <Instrument ID=\"Instrument:0\"><Microscope Model=\"{source}\"/>\
         <Detector ID=\"Detector:0\" Model=\"{detector}\"/></Instrument>\
         <Image ID=\"Image:0\" Name=\"{source} {detector}\">"
    );
    let taken = moment(taken_ns(frame, about), "%Y-%m-%dT%H:%M:%S%.3fZ");
    if !taken.is_empty() {
        let _ = write!(xml, "<AcquisitionDate>{taken}</AcquisitionDate>");
    }
    xml.push_str("<InstrumentRef ID=\"Instrument:0\"/>");
    pixels(&mut xml, shape, frame, about, planes);
    xml.push_str("<AnnotationRef ID=\"Annotation:0\"/>");
    if planes.len() > 1 {
        xml.push_str("<AnnotationRef ID=\"Annotation:1\"/>");
    }
    let _ = write!(
        xml,
        "</Image><StructuredAnnotations>\
         <MapAnnotation ID=\"Annotation:0\" Namespace=\"{NAMESPACE}\"><Value>"
    );
    for (name, text) in details(frame, about) {
        let (name, text) = (escaped(&name), escaped(&text));
        let _ = write!(xml, "<M K=\"{name}\">{text}</M>");
    }
    xml.push_str("</Value></MapAnnotation>");
    if planes.len() > 1 {
        each_plane(&mut xml, planes);
    }
    xml.push_str("</StructuredAnnotations></OME>");
    xml
}

/// What the schema has no attribute for: by its place in time, the number and the times of each
/// frame.
fn each_plane(xml: &mut String, planes: &[Plane]) {
    let _ = write!(
        xml,
        "<MapAnnotation ID=\"Annotation:1\" Namespace=\"{PLANES}\"><Value>"
    );
    for (index, plane) in planes.iter().enumerate() {
        let _ = write!(xml, "<M K=\"{index}\">received {}", utc(plane.received_ns));
        if let Some(number) = plane.number {
            let _ = write!(xml, ", frame {number}");
        }
        if plane.taken_ns != plane.received_ns {
            let _ = write!(xml, ", device time {}", utc(plane.taken_ns));
        }
        if plane.lost_before > 0 {
            let _ = write!(xml, ", {} lost before", plane.lost_before);
        }
        xml.push_str("</M>");
    }
    xml.push_str("</Value></MapAnnotation>");
}

fn pixels(xml: &mut String, shape: Shape, frame: &Frame, about: &About, planes: &[Plane]) {
    let (width_px, height_px) = (shape.width_px, shape.height_px);
    let (kind, bits, channels) = match shape.values {
        Values::Grey16 => ("uint16", 16, 1),
        Values::Grey8 => ("uint8", 8, 1),
        Values::Rgb8 => ("uint8", 8, 3),
    };
    let count = planes.len();
    let _ = write!(
        xml,
        "<Pixels ID=\"Pixels:0\" DimensionOrder=\"XYCZT\" Type=\"{kind}\" SizeX=\"{width_px}\" \
         SizeY=\"{height_px}\" SizeZ=\"1\" SizeC=\"{channels}\" SizeT=\"{count}\""
    );
    if let Some(significant) = frame.bit_depth.filter(|depth| (1..=bits).contains(depth)) {
        let _ = write!(xml, " SignificantBits=\"{significant}\"");
    }
    if let Some(um) = pixel_size_um(frame) {
        for side in ["X", "Y"] {
            let _ = write!(
                xml,
                " PhysicalSize{side}=\"{um}\" PhysicalSize{side}Unit=\"{}\"",
                escaped("µm")
            );
        }
    }
    let name = escaped(&frame.detector);
    let _ = write!(
        xml,
        "><Channel ID=\"Channel:0:0\" Name=\"{name}\" SamplesPerPixel=\"{channels}\">\
         <DetectorSettings ID=\"Detector:0\""
    );
    if let Some(gain) = camera(frame, about).and_then(|camera| camera.gain) {
        let _ = write!(xml, " Gain=\"{gain}\"");
    }
    // Time is the only thing that counts up, so one line says which directory is which.
    let _ = write!(
        xml,
        "/></Channel><TiffData IFD=\"0\" PlaneCount=\"{count}\"/>"
    );
    for (index, plane) in planes.iter().enumerate() {
        let _ = write!(xml, "<Plane TheZ=\"0\" TheT=\"{index}\" TheC=\"0\"");
        if let Some(passed) = plane.since_first {
            let _ = write!(xml, " DeltaT=\"{}\" DeltaTUnit=\"s\"", passed.as_secs_f64());
        }
        if let Some(ms) = plane.exposure_ms {
            let _ = write!(xml, " ExposureTime=\"{ms}\" ExposureTimeUnit=\"ms\"");
        }
        for (axis, position, unit) in &plane.positions {
            let unit = escaped(unit);
            let _ = write!(
                xml,
                " Position{axis}=\"{position}\" Position{axis}Unit=\"{unit}\""
            );
        }
        xml.push_str("/>");
    }
    xml.push_str("</Pixels>");
}

/// The axis as the schema calls it, and where it proved to stand, in the schema's unit. It has
/// three; the others are among the annotations.
fn stage_position(axis: &Axis) -> Option<(&'static str, f64, &'static str)> {
    let name = match axis.name.as_str() {
        "x" | "X" => "X",
        "y" | "Y" => "Y",
        "z" | "Z" => "Z",
        _ => return None,
    };
    let unit = match axis.unit {
        Unit::Millimetre => "mm",
        Unit::Micrometre => "µm",
        Unit::Nanometre => "nm",
        _ => return None,
    };
    let position = axis
        .position
        .filter(|at| at.is_finite() && axis.motion != Motion::Unknown)?;
    Some((name, position, unit))
}

/// As it may stand in an element or an attribute, in ASCII.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            ' '..='~' => escaped.push(c),
            // Source: XML 1.0, production 2: these are no characters there, escaped or not.
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => escaped.push_str("&#65533;"),
            _ => {
                let _ = write!(escaped, "&#{};", u32::from(c));
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_end_its_element() {
        let cases = [
            ("plain 1.5 mm", "plain 1.5 mm"),
            ("</M>&\"", "&lt;/M&gt;&amp;&quot;"),
            ("µm 显", "&#181;m &#26174;"),
            ("\u{0}\u{ffff}", "&#65533;&#65533;"),
        ];
        for (text, want) in cases {
            assert_eq!(escaped(text), want);
        }
    }
}
