// SPDX-License-Identifier: GPL-2.0
/*
 * Where the fields of some C structures are, for sys/layout.rs. This is compiled
 * to assembly, from which Kbuild takes the numbers; nothing of it is linked.
 */

#include <linux/kbuild.h>
#include <linux/namei.h>
#include <linux/netdevice.h>
#include <linux/part_stat.h>
#include <linux/reboot.h>
#include <linux/statfs.h>
#include <linux/utsname.h>
#include <net/net_namespace.h>
#include <net/snmp.h>

#ifdef HAS_MARK_VICTIM_TASK
#include <trace/events/oom.h>

/* The probe of sys/oom.rs has this type. */
void resource_monitor_mark_victim(void *data, struct task_struct *task, u32 uid);
#endif

int main(void);

int main(void)
{
#ifdef HAS_MARK_VICTIM_TASK
	check_trace_callback_type_mark_victim(resource_monitor_mark_victim);
#endif
	OFFSET(DISK_STATS_NSECS, disk_stats, nsecs);
	OFFSET(DISK_STATS_SECTORS, disk_stats, sectors);
	OFFSET(DISK_STATS_IOS, disk_stats, ios);
	OFFSET(DISK_STATS_IO_TICKS, disk_stats, io_ticks);
	OFFSET(DISK_STATS_IN_FLIGHT, disk_stats, in_flight);

	DEFINE(KSTATFS_SIZE, sizeof(struct kstatfs));
	OFFSET(KSTATFS_BLOCKS, kstatfs, f_blocks);
	OFFSET(KSTATFS_BFREE, kstatfs, f_bfree);
	OFFSET(KSTATFS_BAVAIL, kstatfs, f_bavail);
	OFFSET(KSTATFS_FILES, kstatfs, f_files);
	OFFSET(KSTATFS_FFREE, kstatfs, f_ffree);
	OFFSET(KSTATFS_FRSIZE, kstatfs, f_frsize);
	OFFSET(KSTATFS_FLAGS, kstatfs, f_flags);
	DEFINE(ST_RDONLY_FLAG, ST_RDONLY);
	DEFINE(LOOKUP_FOLLOW_FLAG, LOOKUP_FOLLOW);
	DEFINE(LOOKUP_REVAL_FLAG, LOOKUP_REVAL);

	DEFINE(SYS_RESTART_ACTION, SYS_RESTART);
	DEFINE(SYS_HALT_ACTION, SYS_HALT);
	DEFINE(SYS_POWER_OFF_ACTION, SYS_POWER_OFF);

	OFFSET(NET_DEV_BASE_HEAD, net, dev_base_head);
	OFFSET(NET_DEV_BY_INDEX, net, dev_by_index);
	OFFSET(NET_HASH_MIX, net, hash_mix);
	OFFSET(NET_TCP_STATISTICS, net, mib.tcp_statistics);
	OFFSET(NET_NET_STATISTICS, net, mib.net_statistics);
	DEFINE(TCP_IN_SEGS, TCP_MIB_INSEGS);
	DEFINE(TCP_OUT_SEGS, TCP_MIB_OUTSEGS);
	DEFINE(TCP_RETRANS_SEGS, TCP_MIB_RETRANSSEGS);
	DEFINE(TCP_CURR_ESTAB, TCP_MIB_CURRESTAB);
	DEFINE(TCP_SYN_RETRANS, LINUX_MIB_TCPSYNRETRANS);
	DEFINE(TCP_LISTEN_OVERFLOWS, LINUX_MIB_LISTENOVERFLOWS);
	DEFINE(TCP_LISTEN_DROPS, LINUX_MIB_LISTENDROPS);
	OFFSET(NET_DEVICE_NAME, net_device, name);
	OFFSET(NET_DEVICE_DEV_LIST, net_device, dev_list);
	OFFSET(NET_DEVICE_IFINDEX, net_device, ifindex);
	OFFSET(NET_DEVICE_FLAGS, net_device, flags);
	OFFSET(NET_DEVICE_ADJ_LIST_UPPER, net_device, adj_list.upper);
	OFFSET(NET_DEVICE_ADJ_LIST_LOWER, net_device, adj_list.lower);
	OFFSET(NET_DEVICE_ND_NET, net_device, nd_net);
	DEFINE(LINK_STATS_SIZE, sizeof(struct rtnl_link_stats64));
	OFFSET(LINK_STATS_RX_PACKETS, rtnl_link_stats64, rx_packets);
	OFFSET(LINK_STATS_TX_PACKETS, rtnl_link_stats64, tx_packets);
	OFFSET(LINK_STATS_RX_BYTES, rtnl_link_stats64, rx_bytes);
	OFFSET(LINK_STATS_TX_BYTES, rtnl_link_stats64, tx_bytes);
	OFFSET(LINK_STATS_RX_ERRORS, rtnl_link_stats64, rx_errors);
	OFFSET(LINK_STATS_TX_ERRORS, rtnl_link_stats64, tx_errors);
	OFFSET(LINK_STATS_RX_DROPPED, rtnl_link_stats64, rx_dropped);
	OFFSET(LINK_STATS_TX_DROPPED, rtnl_link_stats64, tx_dropped);
	OFFSET(LINK_STATS_RX_MISSED, rtnl_link_stats64, rx_missed_errors);

	OFFSET(UTS_RELEASE_AT, uts_namespace, name.release);

	return 0;
}
