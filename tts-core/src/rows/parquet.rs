//! Records from Parquet files, as the Hugging Face hub keeps data sets.
//!
//! Fields become JSON: texts and numbers with their digits, lists, structs and maps; dates and decimals are
//! texts. Bytes that are no text, as of pictures, become an object that says how many they are, so that only
//! who asks for them as a text is told. Pages may be plain, or compressed by snappy or zstd; those of zstd are
//! read as if they were plain and undone here, by a decoder in Rust, where the `parquet` crate would need C.
//!
//! Source: the Apache Parquet format, by the `parquet` crate; RFC 8878 (zstd), by `ruzstd`.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::RowGroupReader;
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::record::reader::RowIter;
use parquet::record::{Field, Row as Record};
use parquet::schema::types::Type;
use serde::{Serialize, Serializer};

use super::{Place, Row, RowError};
use crate::guard::guarded;

/// The records of a whole file.
pub(super) fn parse(bytes: Vec<u8>) -> std::result::Result<Vec<Row>, RowError> {
    let bytes = bytes::Bytes::from(bytes);
    let damaged = |problem: String| {
        let problem =
            format!("a damaged Parquet file: {}", problem.trim_start_matches("Parquet error: "));
        RowError::new(None, problem)
    };
    // The reader panics on some files that no writer makes.
    let metadata =
        guarded("Parquet reader", || ParquetMetaDataReader::new().parse_and_finish(&bytes));
    let metadata = metadata.map_err(damaged)?.map_err(|error| damaged(error.to_string()))?;
    let mut rows = Vec::new();
    for meta in metadata.row_groups() {
        check(meta)?;
        let group = Group { file: Arc::new(bytes.clone()), meta };
        let read = guarded("Parquet reader", || -> Result<Vec<Record>> {
            RowIter::from_row_group(None, &group)?.collect()
        });
        let records = read.map_err(damaged)?.map_err(|error| damaged(error.to_string()))?;
        for record in records {
            rows.push(row(&record, Place::Item(rows.len() + 1))?);
        }
    }
    Ok(rows)
}

/// Refuses what cannot be undone, by the name of its column.
fn check(meta: &RowGroupMetaData) -> std::result::Result<(), RowError> {
    let known = [Compression::UNCOMPRESSED, Compression::SNAPPY];
    for column in meta.columns() {
        let by = column.compression();
        if !known.contains(&by) && !matches!(by, Compression::ZSTD(_)) {
            let name = column.column_path().string();
            let problem =
                format!("column {name:?} is compressed by {by}, expected snappy, zstd or none");
            return Err(RowError::new(None, problem));
        }
    }
    Ok(())
}

fn row(record: &Record, place: Place) -> std::result::Result<Row, RowError> {
    let mut fields = BTreeMap::new();
    for (name, field) in record.get_column_iter() {
        let value = serde_json::value::to_raw_value(&Json(field))
            .map_err(|error| RowError::new(Some(place), format!("field {name:?}: {error}")))?;
        fields.insert(name.clone(), value);
    }
    Ok(Row::of(place, fields))
}

/// A field as JSON.
struct Json<'f>(&'f Field);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> std::result::Result<S::Ok, S::Error> {
        match self.0 {
            Field::Null => to.serialize_unit(),
            Field::Bool(value) => to.serialize_bool(*value),
            Field::Byte(value) => to.serialize_i8(*value),
            Field::Short(value) => to.serialize_i16(*value),
            Field::Int(value) => to.serialize_i32(*value),
            Field::Long(value) => to.serialize_i64(*value),
            Field::UByte(value) => to.serialize_u8(*value),
            Field::UShort(value) => to.serialize_u16(*value),
            Field::UInt(value) => to.serialize_u32(*value),
            Field::ULong(value) => to.serialize_u64(*value),
            Field::Float16(value) => to.serialize_f32(f32::from(*value)),
            Field::Float(value) => to.serialize_f32(*value),
            Field::Double(value) => to.serialize_f64(*value),
            Field::Str(text) => to.serialize_str(text),
            Field::Bytes(bytes) => match std::str::from_utf8(bytes.data()) {
                Ok(text) => to.serialize_str(text),
                Err(_) => to.collect_map([("bytes", bytes.len())]),
            },
            Field::Group(group) => {
                to.collect_map(group.get_column_iter().map(|(name, field)| (name, Json(field))))
            }
            Field::ListInternal(list) => to.collect_seq(list.elements().iter().map(Json)),
            Field::MapInternal(map) => to.collect_map(map.entries().iter().map(|(key, value)| {
                let name = match key {
                    Field::Str(name) => name.clone(),
                    key => key.to_string(),
                };
                (name, Json(value))
            })),
            // Dates, times and decimals, as the crate writes them.
            other => to.collect_str(other),
        }
    }
}

/// A group of rows whose pages of zstd are undone here.
struct Group<'m> {
    file: Arc<bytes::Bytes>,
    meta: &'m RowGroupMetaData,
}

impl RowGroupReader for Group<'_> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.meta
    }

    fn num_columns(&self) -> usize {
        self.meta.num_columns()
    }

    fn get_column_page_reader(&self, column: usize) -> Result<Box<dyn PageReader>> {
        let chunk = self.meta.column(column);
        let rows = usize::try_from(self.meta.num_rows())?;
        let file = Arc::clone(&self.file);
        if !matches!(chunk.compression(), Compression::ZSTD(_)) {
            return Ok(Box::new(SerializedPageReader::new(file, chunk, rows, None)?));
        }
        let plain =
            chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
        // No page is longer than its column says that all of them are.
        let most = u64::try_from(chunk.uncompressed_size())?;
        Ok(Box::new(Pages { inner: SerializedPageReader::new(file, &plain, rows, None)?, most }))
    }

    fn get_column_bloom_filter(&self, _: usize) -> Option<&parquet::bloom_filter::Sbbf> {
        None
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_row_group(projection, self)
    }
}

/// Pages of zstd.
struct Pages {
    inner: SerializedPageReader<bytes::Bytes>,
    most: u64,
}

impl Pages {
    /// A page without its compression. Levels of the second form of pages stand before what is compressed.
    fn undo(&self, page: Page) -> Result<Page> {
        Ok(match page {
            Page::DataPage {
                buf,
                num_values,
                encoding,
                def_level_encoding,
                rep_level_encoding,
                statistics,
            } => {
                let buf = self.plain(&buf, 0)?;
                Page::DataPage {
                    buf,
                    num_values,
                    encoding,
                    def_level_encoding,
                    rep_level_encoding,
                    statistics,
                }
            }
            Page::DataPageV2 {
                buf,
                num_values,
                encoding,
                num_nulls,
                num_rows,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed,
                statistics,
            } => {
                let levels = def_levels_byte_len as usize + rep_levels_byte_len as usize;
                let buf = if is_compressed { self.plain(&buf, levels)? } else { buf };
                Page::DataPageV2 {
                    buf,
                    num_values,
                    encoding,
                    num_nulls,
                    num_rows,
                    def_levels_byte_len,
                    rep_levels_byte_len,
                    is_compressed: false,
                    statistics,
                }
            }
            Page::DictionaryPage { buf, num_values, encoding, is_sorted } => {
                Page::DictionaryPage { buf: self.plain(&buf, 0)?, num_values, encoding, is_sorted }
            }
        })
    }

    fn plain(&self, bytes: &bytes::Bytes, levels: usize) -> Result<bytes::Bytes> {
        let bad = |problem: String| ParquetError::General(format!("zstd: {problem}"));
        let short = || bad("a page is shorter than its levels".to_owned());
        let (levels, packed) = bytes.split_at_checked(levels).ok_or_else(short)?;
        let mut out = levels.to_vec();
        // A page of nulls alone has nothing behind its levels.
        if !packed.is_empty() {
            let decoder = ruzstd::decoding::StreamingDecoder::new(packed)
                .map_err(|error| bad(error.to_string()))?;
            let read = decoder.take(self.most + 1).read_to_end(&mut out);
            read.map_err(|error| bad(error.to_string()))?;
        }
        if out.len() as u64 > self.most {
            return Err(bad(format!(
                "a page is longer than the {} bytes of its column",
                self.most
            )));
        }
        Ok(out.into())
    }
}

impl Iterator for Pages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for Pages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.inner.get_next_page()?;
        page.map(|page| self.undo(page)).transpose()
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.inner.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.inner.skip_next_page()
    }
}
