//! Topology: one broker, one partition.

use super::Gateway;
use crate::VERSION;
use protocol as proto;
use tonic::Status;

impl Gateway {
    pub(super) async fn topology(
        &self,
        _: proto::TopologyRequest,
    ) -> Result<proto::TopologyResponse, Status> {
        let partition = proto::Partition {
            partition_id: engine::key::PARTITION as i32,
            role: proto::partition::PartitionBrokerRole::Leader.into(),
            health: proto::partition::PartitionBrokerHealth::Healthy.into(),
        };
        let broker = proto::BrokerInfo {
            node_id: 0,
            host: self.address.ip().to_string(),
            port: self.address.port().into(),
            partitions: vec![partition],
            version: VERSION.to_owned(),
        };
        Ok(proto::TopologyResponse {
            brokers: vec![broker],
            cluster_size: 1,
            partitions_count: 1,
            replication_factor: 1,
            gateway_version: VERSION.to_owned(),
        })
    }
}
