//! A device: buffers, one stream for all work, and failures as errors.
//!
//! CubeCL gives every thread a stream of its own. An executor is called from many threads, and its
//! passes follow on each other's keys and values, so all of its work goes to the stream of the
//! thread that opened it.
//!
//! CubeCL reports most failures when something is read back, and panics in other places: where no
//! adapter or driver is found, and where memory runs out. [`Device::run`] makes both an error.

use std::panic::{AssertUnwindSafe, catch_unwind};

use cubecl::prelude::*;
use cubecl::server::Handle;
use cubecl::stream_id::StreamId;

use crate::ModelError;
use crate::weights::digest::Digest;

/// A device and its stream.
pub(crate) struct Device<R: Runtime> {
    client: ComputeClient<R>,
    stream: StreamId,
}

impl<R: Runtime> std::fmt::Debug for Device<R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device").field("stream", &self.stream).finish_non_exhaustive()
    }
}

/// Numbers of 4 bytes on a device.
#[derive(Debug, Clone)]
pub(crate) struct Buffer {
    handle: Handle,
    length: usize,
}

impl Buffer {
    /// How many numbers there are.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// The buffer as an argument of a kernel that reads vectors of `lanes` numbers.
    #[expect(unsafe_code, reason = "CubeCL trusts the length that it is given")]
    pub(super) fn arg<R: Runtime>(&self, lanes: usize) -> ArrayArg<R> {
        // SAFETY: the handle was made with `length` numbers, and the division rounds down.
        unsafe { ArrayArg::from_raw_parts(self.handle.clone(), self.length / lanes) }
    }
}

impl<R: Runtime> Device<R> {
    /// Opens a device.
    ///
    /// # Errors
    /// When there is none, or no driver for it.
    pub(crate) fn open(device: &R::Device) -> Result<Self, ModelError> {
        let stream = StreamId::current();
        let client = caught(|| R::client(device)).map_err(|panic| ModelError::Device {
            problem: format!("none could be opened, or there is no driver for it ({panic})"),
        })?;
        Ok(Self { client, stream })
    }

    /// Names the kind of device, as well as CubeCL knows it: its compiler, and a digest of what the
    /// hardware can do.
    pub(crate) fn kind(&self) -> String {
        let mut digest = Digest::default();
        digest.bytes(format!("{:?}", self.client.properties().hardware).as_bytes());
        format!("{} {:016x}", R::name(&self.client), digest.finish())
    }

    /// The largest buffer, in bytes.
    fn largest(&self) -> u64 {
        self.client.properties().memory.max_page_size
    }

    /// Does work on the device's stream; a panic below is an error.
    ///
    /// # Errors
    /// Those of `work`, and when the device fails.
    pub(crate) fn run<T>(
        &self,
        work: impl FnOnce() -> Result<T, ModelError>,
    ) -> Result<T, ModelError> {
        caught(|| self.stream.executes(work))
            .unwrap_or_else(|problem| Err(ModelError::Device { problem }))
    }

    pub(super) fn client(&self) -> &ComputeClient<R> {
        &self.client
    }

    /// A buffer of `length` numbers that have yet to be written.
    ///
    /// # Errors
    /// When it is larger than the device allows.
    pub(crate) fn empty(&self, length: usize) -> Result<Buffer, ModelError> {
        let length = length.max(super::QUAD);
        self.fits(length)?;
        Ok(Buffer { handle: self.client.empty(length * size_of::<f32>()), length })
    }

    /// Floats as a buffer, filled up with zeros to whole vectors.
    ///
    /// # Errors
    /// When they are more than the device allows.
    pub(crate) fn floats(&self, values: &[f32]) -> Result<Buffer, ModelError> {
        self.upload(f32::as_bytes(values), values.len())
    }

    /// Integers as a buffer, filled up with zeros to whole vectors.
    ///
    /// # Errors
    /// When they are more than the device allows.
    pub(crate) fn integers(&self, values: &[u32]) -> Result<Buffer, ModelError> {
        self.upload(u32::as_bytes(values), values.len())
    }

    fn upload(&self, bytes: &[u8], length: usize) -> Result<Buffer, ModelError> {
        let padded = length.max(1).next_multiple_of(super::QUAD);
        self.fits(padded)?;
        let handle = if padded == length {
            self.client.create_from_slice(bytes)
        } else {
            let mut bytes = bytes.to_vec();
            bytes.resize(padded * size_of::<f32>(), 0);
            self.client.create_from_slice(&bytes)
        };
        Ok(Buffer { handle, length: padded })
    }

    fn fits(&self, length: usize) -> Result<(), ModelError> {
        let bytes = (length as u64).saturating_mul(size_of::<f32>() as u64);
        // Kernels count in 32 bits.
        let largest = self.largest().min(u64::from(u32::MAX) * size_of::<f32>() as u64);
        if bytes > largest {
            let problem = format!("a buffer of {bytes} bytes, but the device allows {largest}");
            return Err(ModelError::Device { problem });
        }
        Ok(())
    }

    /// Waits for all work, and returns the numbers of a buffer.
    ///
    /// # Errors
    /// When the device failed since it was last waited for.
    pub(crate) fn read(&self, buffer: Buffer) -> Result<Vec<f32>, ModelError> {
        let bytes = self.client.read_one(buffer.handle).map_err(|error| failure(&error))?;
        Ok(f32::from_bytes(&bytes).to_vec())
    }

    /// Hands all work to the device, and reports what has failed so far.
    ///
    /// # Errors
    /// When something has.
    pub(crate) fn flush(&self) -> Result<(), ModelError> {
        self.client.flush().map_err(|error| failure(&error))
    }
}

fn failure(error: &impl std::fmt::Debug) -> ModelError {
    let mut problem = format!("{error:?}");
    // Errors of CubeCL carry a backtrace.
    if let Some(end) = problem.find("backtrace") {
        problem.truncate(end);
    }
    ModelError::Device { problem }
}

/// A panic of CubeCL as a text. What it worked on is not used again by this crate: a buffer is
/// either written whole before it is read, or given up. Where CubeCL panics on a thread of its own,
/// the cause went to stderr, and this says that the thread is gone.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        let text = text.unwrap_or("without a message");
        format!("CubeCL panicked: {text}")
    })
}

/// The number of cubes as a grid: no side exceeds what every runtime allows.
pub(super) fn grid(cubes: usize) -> CubeCount {
    const SIDE: usize = 32_768;
    let (x, y) = (cubes.min(SIDE), cubes.div_ceil(SIDE));
    CubeCount::Static(number(x), number(y), 1)
}

/// A count as kernels take it.
///
/// # Panics
/// When it is beyond 32 bits, which no buffer is.
pub(super) fn number(count: usize) -> u32 {
    u32::try_from(count).expect("a count within 32 bits")
}
