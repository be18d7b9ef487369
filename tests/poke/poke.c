// SPDX-License-Identifier: GPL-2.0
/*
 * Shows the memory that was reserved as "resmon" to tests, which may change it: as the file poke/region of debugfs,
 * and where it is as poke/start. Nobody else may use it meanwhile.
 */
#include <linux/debugfs.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>

static struct debugfs_blob_wrapper region;
static struct dentry *folder;
static u64 start;

static int __init poke_init(void)
{
	phys_addr_t at, size;

	if (!reserve_mem_find_by_name("resmon", &at, &size))
		return -ENOENT;
	region.data = memremap(at, size, MEMREMAP_WB);
	if (!region.data)
		return -ENOMEM;
	region.size = size;
	start = at;
	folder = debugfs_create_dir("poke", NULL);
	debugfs_create_blob("region", 0600, folder, &region);
	debugfs_create_x64("start", 0400, folder, &start);
	return 0;
}

static void __exit poke_exit(void)
{
	debugfs_remove(folder);
	memunmap(region.data);
}

module_init(poke_init);
module_exit(poke_exit);
MODULE_DESCRIPTION("Reserved memory, for tests");
MODULE_LICENSE("GPL");
