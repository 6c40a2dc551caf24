//! A driver that lets its device write elsewhere: once it has served some requests, it has the device read blocks to a place of its
//! choice, once, and then goes on as if nothing had happened.

use driver_package::resources::{DriverResources, RESOURCES_VADDR};
use driver_runtime::ProbeError;
use driver_runtime::block::{BlockCapabilities, BlockDriver, Completion, Op, Request, Submit};
use driver_runtime::dma;
use driver_runtime::resources::Resources;

use crate::Driver;

/// The request at which it happens.
const AT: u32 = 100;
/// Set in the id of the request that nobody asked for.
const OWN: u32 = 1 << 31;

/// Where the device is to write.
pub trait Aim {
    /// Its physical address.
    fn target(resources: &DriverResources) -> u64;
}

/// The driver that aims as `T` says.
pub struct Aimed<T> {
    driver: Driver,
    page: DriverResources,
    requests: u32,
    aimed: bool,
    aim: core::marker::PhantomData<T>,
}

impl<T: Aim> Aimed<T> {
    /// Has the device read to the target what it was asked to read to a buffer. Whether it was told so: its queue may be full.
    fn misuse(&mut self, request: &Request) -> bool {
        let vaddr = request.data.as_ptr().cast::<u8>().addr().get() as u64;
        let mut bent = self.page;
        let target = T::target(&self.page);
        for region in &mut bent.data {
            let offset = vaddr.wrapping_sub(region.vaddr);
            if offset < region.len {
                region.io_addr = target.wrapping_sub(offset);
            }
        }
        let own = Request {
            id: request.id | OWN,
            ..*request
        };
        let regions = |page: &DriverResources| {
            if let Ok(resources) = Resources::check(page, page.class) {
                dma::set_regions(&resources);
            }
        };
        regions(&bent);
        let told = self.driver.submit(&own) == Submit::Accepted;
        regions(&self.page);
        told
    }
}

impl<T: Aim> BlockDriver for Aimed<T> {
    fn probe(resources: &Resources) -> Result<Self, ProbeError> {
        let page = core::ptr::with_exposed_provenance::<DriverResources>(RESOURCES_VADDR as usize);
        Ok(Self {
            driver: Driver::probe(resources)?,
            // SAFETY: root mapped the page there before we ran; the runtime has checked it.
            page: unsafe { page.read_volatile() },
            requests: 0,
            aimed: false,
            aim: core::marker::PhantomData,
        })
    }
    fn capabilities(&self) -> BlockCapabilities {
        self.driver.capabilities()
    }
    fn submit(&mut self, request: &Request) -> Submit {
        self.requests = self.requests.saturating_add(1);
        if !self.aimed && self.requests >= AT && request.op == Op::Read {
            self.aimed = self.misuse(request);
        }
        self.driver.submit(request)
    }
    fn poll(&mut self, mut done: impl FnMut(Completion)) {
        self.driver.poll(|completion| {
            if completion.id & OWN == 0 {
                done(completion);
            }
        });
    }
    fn handle_interrupt(&mut self) {
        self.driver.handle_interrupt();
    }
}
