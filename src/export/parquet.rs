//! Tables as Parquet, through the low-level writer: nothing of Arrow is needed to write columns.
//!
//! Rows are kept until there are enough for a row group, then written, compressed with zstd.
//! Source of names and types: the Parquet format, "Logical types".

use std::error::Error;
use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{
    Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel,
};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};

use super::table::{Cell, Column, Kind, TableWriter};
use super::{ExportError, OutFile};

/// A row group is written when it has so many rows.
const MAX_GROUP_ROWS: usize = 256 * 1024;
/// Or so many bytes in memory.
const MAX_GROUP_BYTES: usize = 16 * 1024 * 1024;

/// Writes one table.
pub struct Parquet {
    writer: SerializedFileWriter<Slot>,
    columns: Vec<Held>,
    rows: usize,
    bytes: usize,
}

/// The file, which is taken out again when all is written.
struct Slot(Option<OutFile>);

impl Write for Slot {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let file = self.0.as_mut();
        file.ok_or_else(|| io::Error::from(io::ErrorKind::BrokenPipe))?
            .write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), Write::flush)
    }
}

/// What is held of one column: whether there is something in each row, and the values that are.
struct Held {
    present: Vec<i16>,
    values: Values,
}

enum Values {
    Ints(Vec<i64>),
    Floats(Vec<f64>),
    Flags(Vec<bool>),
    Texts(Vec<ByteArray>),
}

impl Parquet {
    /// Writes the beginning of the file.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn create(
        file: OutFile,
        columns: &[&'static Column],
    ) -> Result<Box<dyn TableWriter>, ExportError> {
        let path = file.path().to_owned();
        let writer = schema(columns).and_then(|schema| {
            SerializedFileWriter::new(Slot(Some(file)), Arc::new(schema), properties(columns))
        });
        let writer = writer.map_err(|error| ExportError::at(&path, io_error(error)))?;
        Ok(Box::new(Self {
            writer,
            columns: columns.iter().map(|column| Held::of(column.kind)).collect(),
            rows: 0,
            bytes: 0,
        }))
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        let mut group = self.writer.next_row_group()?;
        for held in &mut self.columns {
            let Some(mut column) = group.next_column()? else {
                return Err(ParquetError::General("a column too many".to_owned()));
            };
            let present = Some(held.present.as_slice());
            match (&held.values, column.untyped()) {
                (Values::Ints(values), ColumnWriter::Int64ColumnWriter(writer)) => {
                    writer.write_batch(values, present, None)
                }
                (Values::Floats(values), ColumnWriter::DoubleColumnWriter(writer)) => {
                    writer.write_batch(values, present, None)
                }
                (Values::Flags(values), ColumnWriter::BoolColumnWriter(writer)) => {
                    writer.write_batch(values, present, None)
                }
                (Values::Texts(values), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                    writer.write_batch(values, present, None)
                }
                _ => Err(ParquetError::General("a column of another type".to_owned())),
            }?;
            column.close()?;
            held.clear();
        }
        group.close()?;
        (self.rows, self.bytes) = (0, 0);
        Ok(())
    }

    fn failed(&self, error: ParquetError) -> ExportError {
        let path = self.writer.inner().0.as_ref().map(OutFile::path);
        ExportError::at(path.unwrap_or("".as_ref()), io_error(error))
    }
}

impl TableWriter for Parquet {
    fn row(&mut self, pieces: &[&[Cell<'_>]]) -> Result<(), ExportError> {
        let mut cells = pieces.iter().copied().flatten();
        for held in &mut self.columns {
            self.bytes += held.push(cells.next().unwrap_or(&Cell::Empty));
        }
        self.rows += 1;
        if self.rows >= MAX_GROUP_ROWS || self.bytes >= MAX_GROUP_BYTES {
            self.write_out()?;
        }
        Ok(())
    }

    fn held_bytes(&self) -> usize {
        self.bytes
    }

    fn write_out(&mut self) -> Result<(), ExportError> {
        if self.rows > 0 {
            self.write_group().map_err(|error| self.failed(error))?;
        }
        Ok(())
    }

    fn park(&mut self) -> Result<(), ExportError> {
        self.writer
            .inner_mut()
            .0
            .as_mut()
            .map_or(Ok(()), OutFile::park)
    }

    fn close(mut self: Box<Self>) -> Result<OutFile, ExportError> {
        self.write_out()?;
        if let Err(error) = self.writer.finish() {
            return Err(self.failed(error));
        }
        let file = self.writer.inner_mut().0.take();
        file.ok_or_else(|| self.failed(io::Error::from(io::ErrorKind::BrokenPipe).into()))
    }
}

impl Held {
    fn of(kind: Kind) -> Self {
        Self {
            present: Vec::new(),
            values: match kind {
                Kind::Moment | Kind::Int | Kind::Count => Values::Ints(Vec::new()),
                Kind::Float => Values::Floats(Vec::new()),
                Kind::Flag => Values::Flags(Vec::new()),
                Kind::Text => Values::Texts(Vec::new()),
            },
        }
    }

    /// Takes a cell in, and says how many bytes it is in memory.
    fn push(&mut self, cell: &Cell<'_>) -> usize {
        let bytes = match (&mut self.values, cell) {
            // A time past the year 2262 has no place in a column of times; the whole number beside
            // it has it.
            (Values::Ints(values), Cell::Moment(unix_ns)) => {
                i64::try_from(*unix_ns).ok().map(|unix_ns| {
                    values.push(unix_ns);
                    8
                })
            }
            (Values::Ints(values), Cell::Int(number)) => {
                values.push(*number);
                Some(8)
            }
            // Unsigned numbers stand in the file as their bits.
            (Values::Ints(values), Cell::Count(number)) => {
                values.push(number.cast_signed());
                Some(8)
            }
            (Values::Floats(values), Cell::Float(number)) => {
                values.push(*number);
                Some(8)
            }
            (Values::Flags(values), Cell::Flag(on)) => {
                values.push(*on);
                Some(1)
            }
            (Values::Texts(values), Cell::Text(text)) => {
                values.push(text.as_bytes().to_vec().into());
                Some(size_of::<ByteArray>() + text.len())
            }
            _ => None,
        };
        self.present.push(i16::from(bytes.is_some()));
        size_of::<i16>() + bytes.unwrap_or(0)
    }

    fn clear(&mut self) {
        self.present.clear();
        match &mut self.values {
            Values::Ints(values) => values.clear(),
            Values::Floats(values) => values.clear(),
            Values::Flags(values) => values.clear(),
            Values::Texts(values) => values.clear(),
        }
    }
}

fn schema(columns: &[&'static Column]) -> Result<Type, ParquetError> {
    let mut fields = Vec::new();
    for column in columns {
        let (physical, logical) = match column.kind {
            Kind::Moment => (
                Physical::INT64,
                Some(LogicalType::timestamp(true, TimeUnit::NANOS)),
            ),
            Kind::Int => (Physical::INT64, Some(LogicalType::integer(64, true))),
            Kind::Count => (Physical::INT64, Some(LogicalType::integer(64, false))),
            Kind::Float => (Physical::DOUBLE, None),
            Kind::Flag => (Physical::BOOLEAN, None),
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        };
        let field = Type::primitive_type_builder(column.name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()?;
        fields.push(Arc::new(field));
    }
    Type::group_type_builder("rows").with_fields(fields).build()
}

fn properties(columns: &[&'static Column]) -> Arc<WriterProperties> {
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("ttyscope version {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        // What is kept of each page until the end would grow with the recording.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true);
    for column in columns {
        let path = || ColumnPath::from(column.name);
        // Texts are mostly the same few again, which is what the dictionary is for; times and
        // counts differ, by little.
        builder = match column.kind {
            Kind::Moment | Kind::Int | Kind::Count => builder
                .set_column_dictionary_enabled(path(), false)
                .set_column_encoding(path(), Encoding::DELTA_BINARY_PACKED),
            Kind::Float | Kind::Flag => builder.set_column_dictionary_enabled(path(), false),
            Kind::Text => builder,
        };
    }
    Arc::new(builder.build())
}

/// What the disk said, which the writer hands through.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error as Box<dyn Error + Send + Sync>),
        },
        other => io::Error::other(other),
    }
}
